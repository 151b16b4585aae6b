/** Takes a picture of the documentation. */
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';

const IMAGES = resolve(__dirname, '..', '..', 'docs', 'images');

/** Write what the window shows, without a caret and with nothing still moving. */
export async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
  });
  await page.screenshot({ path: join(IMAGES, `${name}.png`), animations: 'disabled', caret: 'hide' });
}
