/** The hub's admin page: edit and save, two at once, restarts and lost sessions in between, who may not; nothing runs of what is written. */
import { chmodSync, readFileSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { expect, test } from './hub';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const MARKUP = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

let before: string;
const others: BrowserContext[] = [];
test.beforeEach(({ hub }) => {
  before = hub.profiles;
});
test.afterEach(async ({ hub }) => {
  for (const context of others.splice(0)) {
    await context.close();
  }
  chmodSync(hub.catalogue, 0o644);
  hub.profiles = before;
});

const tab = (page: Page, name: string) => page.getByRole('tab', { name });
const unsaved = (page: Page) => page.getByRole('button', { name: 'Review and save…' });

/** A second person's browser, closed at the end of the test. */
async function another(browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  others.push(context);
  return context.newPage();
}

async function edit(page: Page, profile: string): Promise<void> {
  await tab(page, 'Profiles').click();
  await page.getByRole('button', { name: `Edit ${profile}` }).click();
  await expect(page.getByLabel('Name (needed)')).toHaveValue(profile);
}

async function save(page: Page, note: string): Promise<void> {
  await unsaved(page).click();
  await page.getByLabel('Why (shown in the history)').fill(note);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
}

test('an admin edits a profile, sees its pod, and the next spawn page has it', async ({ hub, page, browser }) => {
  await hub.openServicePage(page, 'wendy');
  await edit(page, 'CPU only');
  await expect(page.getByLabel('The pod as YAML')).toContainText('registry.example/base:1');
  await page.getByLabel('USD per hour').fill('0.34');
  await page.getByLabel('CPU cores (needed)').fill('3');
  await expect(page.getByLabel('The pod as YAML')).toContainText('cpu: 3');
  await expect(page.getByText('It costs $0.34 per hour.')).toBeVisible();
  await save(page, 'a third core');
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
  await expect(unsaved(page)).toBeHidden();
  await expect(page.getByLabel('The pod as YAML')).toBeVisible();

  await tab(page, 'History').click();
  const newest = page.getByRole('row', { name: /in force/ });
  await expect(newest).toContainText('CPU only: CPU 2 → 3; price $0.12 → $0.34');
  await expect(newest).toContainText('a third core');
  await tab(page, 'Audit').click();
  await expect(page.getByRole('row', { name: /catalogue\.save/ }).first()).toContainText('allowed');

  const user = await another(browser);
  await hub.openSpawnPage(user, 'cyn');
  await expect(user.locator('.windlass-card').first()).toContainText('$0.34 per hour');
});

test('what is wrong is said at its field while it is typed, and keeps it from being saved', async ({ hub, page }) => {
  await hub.openServicePage(page, 'wendy');
  await edit(page, 'Single Tesla T4');
  const memory = page.getByLabel('Memory (needed)');
  await memory.fill('much');
  await expect(memory).toHaveAttribute('aria-invalid', 'true');
  const described = (await memory.getAttribute('aria-describedby'))?.split(' ')[0] ?? '';
  await expect(page.locator(`#${described}`)).toContainText("'much' is no quantity");
  await page.getByLabel('Kind of GPU').selectOption('mig');
  await expect(page.getByLabel('MIG profile (needed)')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByText('2 things to correct')).toBeVisible();
  await unsaved(page).click();
  await expect(page.getByRole('dialog')).toContainText('Single Tesla T4, memory');
  await page.keyboard.press('Escape');
  await tab(page, 'Prices').click();
  await unsaved(page).click();
  await page.getByRole('button', { name: 'Show the first' }).click();
  await expect(memory).toBeFocused();
  await expect(memory).toHaveValue('much');
  await page.getByRole('button', { name: '← All profiles' }).click();
  await expect(page.getByRole('row', { name: /Single Tesla T4/ })).toContainText('needs a correction');
  expect(hub.profiles).toBe(before);
});

test('the second of two admins is told what changed and brings both together', async ({ hub, page, browser }) => {
  await hub.openServicePage(page, 'wendy');
  const walt = await another(browser);
  await hub.openServicePage(walt, 'walt');
  await edit(page, 'CPU only');
  await edit(walt, 'CPU only');
  await walt.getByLabel('USD per hour').fill('0.5');
  await walt.getByLabel('Memory (needed)').fill('8G');
  await save(walt, 'dearer');
  await expect(walt.getByText('Saved: the next server has it.')).toBeVisible();

  await page.getByLabel('USD per hour').fill('0.7');
  await page.getByLabel('CPU cores (needed)').fill('6');
  await save(page, 'faster');
  const dialog = page.getByRole('dialog', { name: 'Somebody else saved in the meantime' });
  await expect(dialog).toContainText('walt saved');
  await expect(dialog).toContainText('CPU only: memory 4G → 8G; price $0.12 → $0.50');
  await page.keyboard.press('Escape');
  await expect(page.getByLabel('CPU cores (needed)')).toHaveValue('6');
  await save(page, 'faster');
  await dialog.getByLabel('theirs: 0.5').check();
  await dialog.getByRole('button', { name: 'Bring both together' }).click();
  await expect(page.getByLabel('Memory (needed)')).toHaveValue('8G');
  await expect(page.getByLabel('CPU cores (needed)')).toHaveValue('6');
  await expect(page.getByLabel('USD per hour')).toHaveValue('0.5');
  await save(page, 'both');
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
  expect(hub.profiles).toMatch(/cpu: '6'[\s\S]*memory: 8G/);
});

test('a hub that restarts in the middle of an edit, a reload and a lost session lose nothing', async ({ hub, page, context }) => {
  await hub.openServicePage(page, 'wendy');
  await edit(page, 'Big memory');
  await page.getByLabel('Description').fill('Kept over a restart.');
  await expect(page.getByText('1 change not saved.')).toBeVisible();
  await hub.restart();
  page.on('dialog', dialog => void dialog.accept());
  await expect(async () => {
    expect((await page.reload())?.ok()).toBe(true);
  }).toPass({ timeout: 60_000 });
  await expect(page.getByText('The changes you had not saved are here again.')).toBeVisible();
  await expect(page.getByLabel('Description')).toHaveValue('Kept over a restart.');

  await context.clearCookies();
  const ended = page.getByRole('dialog', { name: 'Your session has ended' });
  await page.getByLabel('Description').fill('Kept over a restart and a session.');
  await ended.getByRole('button', { name: 'Not now' }).click();
  await page.getByLabel('Description').fill('Kept over a restart.');
  await expect(page.getByText('Your session has ended. Your edits are kept here').first()).toBeVisible();
  await expect(ended).toHaveCount(0);
  await unsaved(page).click();
  await ended.getByRole('button', { name: 'Go on' }).click();
  await expect(ended).toContainText('You are not logged in yet.');
  const login = await context.newPage();
  await hub.openServicePage(login, 'wendy');
  await login.close();
  await page.bringToFront();
  // Coming back is enough where the browser tells it; the button is for where it does not.
  await expect(async () => {
    if (await ended.isVisible()) {
      await ended.getByRole('button', { name: 'Go on' }).click({ timeout: 1000 });
    }
    await expect(ended).toBeHidden({ timeout: 1000 });
  }).toPass();
  await page.getByLabel('Why (shown in the history)').fill('after all');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
  expect(hub.profiles).toContain('Kept over a restart.');
});

test('profiles are added, duplicated, moved, removed and discarded, by keyboard too', async ({ hub, page }) => {
  await hub.openServicePage(page, 'wendy');
  await page.getByRole('button', { name: 'Duplicate Shared T4' }).click();
  await expect(page.getByLabel('Name (needed)')).toHaveValue('Shared T4 (copy)');
  await expect(page.getByLabel('Slug (needed)')).toHaveValue('t4-shared-2');
  await page.getByRole('button', { name: '← All profiles' }).click();
  const up = page.getByRole('button', { name: 'Move Shared T4 (copy) up' });
  await up.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(page.locator('tbody tr').nth(2)).toContainText('Shared T4 (copy)');
  await expect(up).toBeFocused();
  await page.getByRole('button', { name: 'Remove More than there is' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await unsaved(page).click();
  await expect(page.getByRole('dialog')).toContainText('profile More than there is removed');
  await expect(page.getByRole('dialog')).toContainText('profile Shared T4 (copy) added');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Discard…' }).click();
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await expect(unsaved(page)).toBeHidden();
  await expect(page.getByText('More than there is')).toBeVisible();
  await tab(page, 'Profiles').focus();
  await page.keyboard.press('ArrowRight');
  await expect(tab(page, 'Images')).toBeFocused();
  await expect(page.getByRole('tabpanel', { name: 'Images' })).toBeVisible();
  await page.keyboard.press('End');
  await expect(tab(page, 'Audit')).toHaveAttribute('aria-selected', 'true');
});

test('an earlier version comes back, and a YAML file goes out and comes in', async ({ hub, page }) => {
  await hub.openServicePage(page, 'wendy');
  await page.getByRole('button', { name: 'Import YAML…' }).click();
  await page.getByLabel('or its text').fill('profiles: [{slug: X}]');
  await page.getByRole('button', { name: 'What would change?' }).click();
  await expect(page.getByRole('dialog')).toContainText('profiles.0.cpu');
  const text = `# kept as it is\n${before.replace('memory: 16G', 'memory: 24G')}`;
  await page.getByLabel('or its text').fill(text);
  await page.getByRole('button', { name: 'What would change?' }).click();
  await expect(page.getByRole('dialog')).toContainText('Single Tesla T4: memory 16G → 24G');
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await expect(page.getByText('Imported: the next server has it.')).toBeVisible();
  expect(hub.profiles).toBe(text);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export YAML' }).click();
  expect(readFileSync(await (await download).path(), 'utf8')).toBe(text);

  await tab(page, 'History').click();
  await page.getByRole('button', { name: /^Look at version/ }).nth(1).click();
  await expect(page.getByRole('dialog')).toContainText('Single Tesla T4: memory 24G → 16G');
  await page.getByRole('button', { name: 'Restore this version' }).click();
  await expect(page.getByText('is in force again')).toBeVisible();
  expect(hub.profiles).toBe(before);
});

test('who runs what is shown with its price', async ({ hub, page, browser }) => {
  const user = await another(browser);
  await hub.openSpawnPage(user, 'fay');
  await user.getByRole('radio', { name: 'CPU only' }).check();
  await user.getByRole('button', { name: 'Start' }).click();
  await expect(user.getByText('This is the server.')).toBeVisible({ timeout: 60_000 });
  await hub.openServicePage(page, 'wendy');
  await tab(page, 'Running now').click();
  const row = page.getByRole('row', { name: /fay/ });
  await expect(row).toContainText('CPU only');
  await expect(row).toContainText('$0.12');
  await expect(page.getByText(/\$[0-9.]+ per hour/)).toBeVisible();
});

test('a document that is not ours is shown and cannot be edited', async ({ hub, page }) => {
  chmodSync(hub.catalogue, 0o444);
  await hub.openServicePage(page, 'wendy');
  await expect(page.getByRole('note')).toContainText('The profiles are kept by a read-only file: change them there');
  await expect(page.getByRole('button', { name: 'Add a profile' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Look at CPU only' }).click();
  await expect(page.getByLabel('CPU cores (needed)')).toBeDisabled();
});

test('a save over a slow line that fails cannot be sent twice or closed, and says why it failed', async ({ hub, page }) => {
  await hub.openServicePage(page, 'wendy');
  await edit(page, 'Big memory');
  await page.getByLabel('Description').fill('Over a slow line.');
  await expect(page.getByText('1 change not saved.')).toBeVisible();
  let asked = 0;
  let fail = () => {};
  const cut = new Promise<void>(resolve => (fail = resolve));
  await page.route('**/api/admin/catalogue', async route => {
    if (route.request().method() !== 'PUT') {
      return route.continue();
    }
    asked += 1;
    await cut;
    return route.abort();
  });
  await save(page, '');
  const dialog = page.getByRole('dialog', { name: 'Save these changes?' });
  await expect(dialog.getByRole('status')).toHaveText('One moment…');
  await dialog.getByLabel('Why (shown in the history)').press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect(dialog.getByRole('button', { name: 'Go on editing' })).toBeDisabled();
  fail();
  await expect(dialog).toContainText('The hub does not answer. Your edits are kept here');
  expect(asked).toBe(1);
  await page.unroute('**/api/admin/catalogue');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
  await expect(page.getByRole('tabpanel', { name: 'Profiles' })).toBeFocused();
  await page.getByLabel('Description').fill('And on.');
  await expect(page.getByText('Saved: the next server has it.')).toHaveCount(0);
});

test('a text that somebody broke by hand is corrected on the page, or the good copy comes back', async ({ hub, page }) => {
  const good = hub.profiles;
  hub.profiles = good.replace('memory: 4G', 'memory: plenty');
  await hub.openServicePage(page, 'wendy');
  const told = page.getByRole('note');
  await expect(told).toContainText('Servers start with the last good copy');
  await told.getByRole('button', { name: 'Go back to the good copy' }).click();
  await expect(unsaved(page)).toBeVisible();
  await page.getByRole('button', { name: 'Discard…' }).click();
  await page.getByRole('button', { name: 'Discard', exact: true }).click();
  await expect(unsaved(page)).toBeHidden();
  await told.getByRole('button', { name: 'Correct the text…' }).click();
  const text = page.getByLabel('or its text');
  await expect(text).toHaveValue(/memory: plenty/);
  await text.fill(good);
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await expect(page.getByText('Imported: the next server has it.')).toBeVisible();
  await expect(told).toHaveCount(0);
  expect(hub.profiles).toBe(good);
});

test('in a long list one finds a profile, edits it, and comes back to it', async ({ hub, page }) => {
  await hub.openServicePage(page, 'wendy');
  await page.setViewportSize({ width: 1400, height: 400 });
  await page.getByLabel('Show only').fill('h100');
  await expect(page.getByText('2 of 11')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Edit/ })).toHaveCount(2);
  await page.getByLabel('Show only').fill('');
  const last = page.getByRole('button', { name: 'Edit Your own image' });
  await last.click();
  await expect(page.getByRole('heading', { name: 'Your own image' })).toBeInViewport();
  await page.goBack();
  await expect(last).toBeFocused();
  await expect(last).toBeInViewport();
  await page.getByRole('button', { name: 'Remove Your own image' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(page.getByRole('button', { name: "Edit Research group's own" })).toBeFocused();
  page.on('dialog', dialog => void dialog.accept());
});

test('somebody without the permission sees what they may use, and nothing else', async ({ hub, page }) => {
  await hub.openServicePage(page, 'bob');
  await expect(page.getByRole('heading', { name: 'Profiles you may use' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'CPU only' })).toBeVisible();
  await expect(page.getByText('$0.12 per hour')).toBeVisible();
  await expect(page.getByText('price not set').first()).toBeVisible();
  await expect(page.getByText("Research group's own")).toHaveCount(0);
  const refused = await page.evaluate(async () => {
    const { prefix = '', xsrf = '' } = document.body.dataset;
    const options = { headers: { 'X-XSRFToken': xsrf } };
    const answers = [await fetch(`${prefix}api/admin/catalogue`, options)];
    answers.push(await fetch(`${prefix}api/admin/catalogue`, { ...options, method: 'PUT', body: '{}' }));
    return answers.map(answer => answer.status);
  });
  expect(refused).toEqual([403, 403]);
});

test('markup in every text field stays text', async ({ hub, page }) => {
  const text = JSON.stringify(MARKUP);
  const failures: string[] = [];
  page.on('pageerror', error => failures.push(error.message));
  hub.profiles = `
profiles:
  - {slug: x, display_name: ${text}, description: ${text}, cpu: 1, memory: 1G, images: [x], groups: [${text}], users: [${text}],
     environment: {X: ${text}}, gpu: {product: ${text}}, free_image: {pattern: x, hint: ${text}}}
images: [{slug: x, display_name: ${text}, image: x, description: ${text}}]
prices: {gpu_hour: {${text}: 1}}
quotas: {groups: {${text}: {pods: 1}}}
`;
  await hub.openServicePage(page, 'wendy');
  await expect(page.getByText(MARKUP).first()).toBeVisible();
  await page.getByRole('button', { name: /^Edit/ }).click();
  await expect(page.getByLabel('The pod as YAML')).toContainText('onerror');
  await page.getByLabel('Description').fill(`${MARKUP} again`);
  await save(page, MARKUP);
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
  for (const name of ['Images', 'Prices', 'Quotas & groups', 'Running now', 'History', 'Audit']) {
    await tab(page, name).click();
    await expect(page.getByRole('tabpanel', { name })).toBeVisible();
    await expect(page.getByRole('tabpanel', { name })).not.toContainText('Loading');
  }
  await tab(page, 'History').click();
  await page.getByRole('button', { name: /^Look at version/ }).first().click();
  await expect(page.getByRole('dialog')).toContainText('onerror');
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  expect(await page.locator('#main img, #main script, dialog img, dialog script').count()).toBe(0);
  expect(failures).toEqual([]);
});

test('the page works where the hub’s style sheet cannot be had', async ({ hub, page }) => {
  await page.route('**/hub/static/**', route => route.abort());
  await hub.openServicePage(page, 'wendy');
  await edit(page, 'CPU only');
  await page.getByLabel('Description').fill('Plain but there.');
  await save(page, '');
  await expect(page.getByText('Saved: the next server has it.')).toBeVisible();
});

for (const [scheme, width] of [
  ['light', 1400],
  ['dark', 1400],
  ['light', 400],
  ['dark', 260]
] as const) {
  test(`it keeps to WCAG A and AA and fits, ${scheme} at ${width} px`, async ({ hub, page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await hub.openServicePage(page, 'wendy');
    await expect(page.locator('html')).toHaveAttribute('data-bs-theme', scheme);
    await expect(page.getByRole('button', { name: 'Edit CPU only' })).toBeVisible();
    await page.evaluate(AXE);
    const look = async (): Promise<string[]> =>
      page.evaluate(async () => {
        const { axe } = window as unknown as { axe: typeof import('axe-core') };
        const { violations } = await axe.run('body', { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] });
        const wider = document.documentElement.scrollWidth - window.innerWidth;
        const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
        return wider > 0 ? [...found, `${wider} px too wide`] : found;
      });
    expect(await look()).toEqual([]);
    await edit(page, 'Single Tesla T4');
    await page.getByLabel('CPU cores (needed)').fill('lots');
    await expect(page.getByLabel('CPU cores (needed)')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByText('1 thing to correct')).toBeVisible();
    expect(await look()).toEqual([]);
    for (const name of ['Images', 'Prices', 'Quotas & groups', 'History', 'Audit']) {
      await tab(page, name).click();
      await expect(page.getByRole('tabpanel', { name })).not.toContainText('Loading');
      expect(await look()).toEqual([]);
    }
  });
}
