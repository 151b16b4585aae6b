/** Promotion from JupyterLab under a hub's rules: a real JupyterHub with its service, a real MLflow, a server per person. */
import type { Browser, Locator, Page } from '@playwright/test';
import { Lab } from './lab';
import { execute } from './pages';
import { expect, test } from './promotions-hub';
import { violations } from './wcag';

/** A person with a JupyterLab of their own on the hub. */
class Person {
  private constructor(
    readonly page: Page,
    private readonly _lab: Lab
  ) {}

  /** Start their server with what the hub gives it, and open a model's page. */
  static async at(model: string, environment: Record<string, string>, browser: Browser): Promise<Person> {
    const lab = await Lab.start(environment);
    const page = await (await browser.newContext({ viewport: { width: 1300, height: 900 } })).newPage();
    const person = new Person(page, lab);
    Person._there.push(person);
    await lab.open(page);
    await execute(page, 'windlass:open-model', { name: model });
    return person;
  }

  /** End everybody's server. */
  static async allLeave(): Promise<void> {
    for (const person of Person._there.splice(0)) {
      await person.page.context().close();
      await person._lab.dispose();
    }
  }

  get model(): Locator {
    return this.page.locator('.jp-WindlassModelPage:visible');
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  /** The lines of the log, newest first. */
  get entries(): Locator {
    return this.model.locator('.jp-WindlassPromotions-entry');
  }

  /** Ask for a version to become the champion. */
  async promote(version: string, why: string): Promise<void> {
    await this.model.getByRole('tab', { name: 'Versions' }).click();
    await this.model.getByRole('listbox').getByRole('option', { name: `Version ${version}` }).click();
    await this.model.getByRole('button', { name: 'Promote…' }).click();
    await expect(this.dialog).toContainText('A member of ml-leads must approve before champion moves.');
    await this.dialog.getByLabel('Why').fill(why);
    await this.dialog.getByRole('button', { name: 'Promote', exact: true }).click();
    await expect(this.dialog).toHaveCount(0);
  }

  /** Answer the newest promotion. */
  async answer(word: 'Approve' | 'Refuse' | 'Withdraw', why: string): Promise<void> {
    await this.refresh();
    await this.model.getByRole('tab', { name: /Promotions \(1 waits\)/ }).click();
    await this.entries.first().getByRole('button', { name: `${word}… champion` }).click();
    await expect(this.dialog.getByLabel('Why')).toBeFocused();
    await this.page.keyboard.type(why);
    await this.dialog.getByRole('button', { name: word, exact: true }).click();
    await expect(this.dialog).toHaveCount(0);
  }

  async refresh(): Promise<void> {
    await this.model.getByRole('button', { name: 'Refresh' }).click();
  }

  private static readonly _there: Person[] = [];
}

test.afterEach(async () => Person.allLeave());

test('an approval is refused, withdrawn and granted from JupyterLab; asker and approver see the same log', async ({
  hub,
  browser
}) => {
  test.setTimeout(200_000);
  const model = 'churn-lab';
  const aliases = (): Promise<Record<string, string>> => hub.do({ do: 'aliases', model });
  await hub.do({ do: 'model', name: model });
  const environment = (user: string): Promise<Record<string, string>> => hub.do({ do: 'environment', user });
  const bob = await Person.at(model, await environment('bob'), browser);
  const lea = await Person.at(model, await environment('lea'), browser);

  await bob.promote('3', 'better recall');
  await expect(bob.page.getByText(/stays where it is until this is approved by 1 of ml-leads/)).toBeVisible();
  const waiting = bob.entries.first();
  await expect(waiting).toContainText('Waits for approval');
  await expect(waiting).toContainText('It needs the approval of 1 of ml-leads.');
  await expect(waiting.getByRole('button', { name: /Approve/ })).toHaveCount(0);
  await expect(bob.model).toContainText('MLflow lets nobody but its admins and the hub service move');
  expect(await violations(bob.page, '.jp-WindlassModelPage:not(.lm-mod-hidden)')).toEqual([]);
  expect(await aliases()).toEqual({ champion: '1' });

  await lea.answer('Refuse', 'not on fresh data');
  await expect(lea.entries.first()).toContainText('lea refused it');
  await bob.refresh();
  await expect(bob.entries.first()).toContainText('Refused');
  await expect(bob.entries.first()).toContainText('not on fresh data');

  await bob.promote('2', 'by mistake');
  await bob.answer('Withdraw', 'the wrong one');
  await expect(bob.entries.first()).toContainText('Withdrawn');

  await bob.promote('3', 'on fresh data');
  await lea.answer('Approve', 'agreed');
  await expect(lea.page.getByText(`champion of ${model} is at version 3 now.`)).toBeVisible();
  expect(await aliases()).toEqual({ champion: '3' });
  await bob.page.reload();
  await expect(bob.model.getByTitle('Alias champion, at version 3')).toBeVisible();
  await bob.model.getByRole('tab', { name: 'Promotions' }).click();
  await expect(bob.entries).toHaveCount(3);
  await expect(bob.entries.first()).toContainText('agreed');
  await expect(bob.entries.last()).toContainText('not on fresh data');
});
