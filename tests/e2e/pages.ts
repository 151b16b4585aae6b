/** What a user finds on the screen, by role and name: the words of the tests. */
import { expect, type Locator, type Page } from '@playwright/test';

/** The submit dialog of the notebook on screen, when it has taken the focus: what is typed before goes elsewhere. */
export async function openSubmitDialog(page: Page): Promise<Locator> {
  await page.locator('.jp-NotebookPanel:visible').getByRole('button', { name: 'Train' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused();
  return dialog;
}

/** Open the panel and return its list of jobs. */
export async function openPanel(page: Page): Promise<Locator> {
  const tab = page.locator('.jp-SideBar').getByRole('tab', { name: /Windlass/ });
  if ((await tab.getAttribute('aria-selected')) !== 'true') {
    await tab.click();
  }
  return page.getByRole('region', { name: 'Windlass' });
}

/** Open the panel at its GPUs; returns their tree. */
export async function openGpus(page: Page): Promise<Locator> {
  const panel = await openPanel(page);
  const tree = panel.getByRole('tree', { name: 'GPUs' });
  if (!(await tree.isVisible())) {
    await panel.locator('.lm-AccordionPanel-title', { hasText: 'GPUs' }).click();
  }
  return tree;
}

/** The row of a job, newest first where several carry the name. */
export function jobRow(page: Page, name: string): Locator {
  return page.getByRole('grid', { name: 'Jobs' }).getByRole('row').filter({ hasText: name }).first();
}

/** The page of the job now in front. */
export function jobPage(page: Page): Locator {
  return page.locator('.jp-WindlassJobPage:visible');
}

/** One of the job page's tabs. */
export async function showTab(page: Page, name: RegExp | string): Promise<void> {
  await jobPage(page).getByRole('tab', { name }).click();
}

/** Replace the text of a notebook's cell, as a user types it. */
export async function retype(page: Page, cell: number, text: string): Promise<void> {
  await page.locator('.jp-NotebookPanel:visible .jp-Cell').nth(cell).locator('.cm-content').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** Run one cell, as a user does: when the kernel is there. */
export async function runCell(page: Page, cell: number): Promise<void> {
  await page.locator('#jp-main-statusbar').getByText('| Idle').waitFor();
  await page.locator('.jp-NotebookPanel:visible .jp-Cell').nth(cell).locator('.cm-content').click();
  await page.keyboard.press('Control+Enter');
}

/** Give a command with arguments, as another extension does, once Windlass has brought its commands. */
export async function execute(page: Page, command: string, args: object): Promise<void> {
  interface IExposed {
    /** Left out until JupyterLab has begun. */
    jupyterapp?: {
      commands: { hasCommand: (id: string) => boolean; execute: (id: string, args: object) => Promise<unknown> };
    };
  }
  await page.waitForFunction(
    id => (window as unknown as IExposed).jupyterapp?.commands.hasCommand(id),
    command
  );
  await page.evaluate(
    async ([id, given]) => {
      await (window as unknown as IExposed).jupyterapp?.commands.execute(id, given);
    },
    [command, args] as const
  );
}

/**
 * Wait until JupyterLab has begun. Up to a second after it is restored its launcher takes the focus, once: what had it,
 * and what it offered, is left then.
 */
export async function launched(page: Page): Promise<void> {
  interface IExposed {
    /** Left out until JupyterLab has begun. */
    jupyterapp?: { restored: Promise<unknown> };
  }
  await page.waitForFunction(() => (window as unknown as IExposed).jupyterapp !== undefined);
  await page.evaluate(async () => (window as unknown as IExposed).jupyterapp?.restored);
  await page.waitForFunction(() => {
    const tabs = [...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tab')];
    const isLauncherAlone = tabs.length === 1 && tabs[0]?.textContent === 'Launcher';
    return tabs.length > 0 && (!isLauncherAlone || document.activeElement?.closest('.jp-Launcher') != null);
  });
}
