/** What of ours breaks WCAG, and in which theme to look. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { Lab } from './lab';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What of ours breaks WCAG 2 A or AA; JupyterLab's own parts are left out. */
export async function violations(page: Page, selector: string): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async root => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    // JupyterLab's own: titles of the accordion, its toolbar, the frame of a dialog, what outputs draw.
    const exclude = ['.lm-AccordionPanel-title', '.jp-Dialog-footer', '.jp-Dialog-header', '.jp-RenderedText'];
    const { violations: found } = await axe.run({ include: root, exclude }, { runOnly: ['wcag2a', 'wcag2aa'] });
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`)
    );
  }, selector);
}

/** The theme of pages that are opened from now on. */
export function setTheme(lab: Lab, theme: string): void {
  const folder = join(lab.folder, 'settings', '@jupyterlab', 'apputils-extension');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'themes.jupyterlab-settings'), JSON.stringify({ theme }));
}
