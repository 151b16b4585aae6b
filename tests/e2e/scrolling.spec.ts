/** Thousands of runs scrolled through without a gap, also when MLflow goes away in the middle and comes back. */
import type { Locator, Page } from '@playwright/test';
import { Gate } from './gate';
import { expect, Lab, test } from './lab';
import { Mlflow } from './mlflow';
import { execute } from './pages';

const RUNS = 2400;

/** An experiment of so many runs, each named by its place. */
async function fill(lab: Lab, name: string): Promise<{ id: string; mlflow: Mlflow }> {
  const mlflow = await Mlflow.of(lab);
  const id = await mlflow.experiment(name);
  const run = await mlflow.run(id, { name: 'z-last', metrics: { score: [-1] } });
  mlflow.clone(lab, run, RUNS);
  return { id, mlflow };
}

/** The names of the rows in sight, from the top, and how much of the list's height has no row: none, when all is well. */
async function inSight(table: Locator): Promise<{ names: string[]; places: number[]; blank: number }> {
  return table.locator('.jp-WindlassGrid').evaluate(grid => {
    const { top, bottom } = grid.getBoundingClientRect();
    const head = grid.querySelector('.jp-WindlassGrid-head')?.getBoundingClientRect().bottom ?? top;
    const rows = [...grid.querySelectorAll<HTMLElement>('[data-windlass-index]')]
      .map(row => ({ row, box: row.getBoundingClientRect() }))
      .filter(({ box }) => box.bottom > head + 1 && box.top < bottom - 1)
      .sort((one, other) => one.box.top - other.box.top);
    const covered = rows.reduce(
      (sum, { box }) => sum + Math.min(box.bottom, bottom) - Math.max(box.top, head),
      0
    );
    return {
      names: rows.map(({ row }) => row.querySelector('.jp-WindlassGrid-name')?.textContent ?? ''),
      places: rows.map(({ row }) => Number(row.dataset.windlassIndex)),
      blank: Math.round(grid.clientHeight - (head - top) - covered)
    };
  });
}

/** Every row in sight is the one that belongs to its place, and no place is empty. */
async function expectWhole(table: Locator): Promise<number> {
  await expect.poll(async () => (await inSight(table)).blank).toBeLessThanOrEqual(1);
  const { names, places } = await inSight(table);
  expect(names).toEqual(places.map(place => `n-${String(place).padStart(4, '0')}`));
  return places.at(-1) ?? 0;
}

/** Turn the wheel until a row this far down is in sight. */
async function scrollTo(page: Page, table: Locator, row: number): Promise<void> {
  await table.locator('.jp-WindlassGrid-rows').hover({ position: { x: 300, y: 100 } });
  await expect(async () => {
    await page.mouse.wheel(0, 1500);
    expect(await expectWhole(table)).toBeGreaterThanOrEqual(row);
  }).toPass({ intervals: [20], timeout: 60_000 });
}

test('two thousand rows down every row is in its place; MLflow goes away on the way, and comes back', async ({ lab, page }) => {
  const { id, mlflow } = await fill(lab, 'scrolled');
  const gate = await Gate.before(mlflow.url);
  const away = await Lab.start({ MLFLOW_TRACKING_URI: gate.url });
  try {
    await away.open(page);
    await execute(page, 'windlass:open-runs', { id });
    const table = page.locator('.jp-WindlassRunsPage:visible');
    await table.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
    await expect(table.getByRole('row').nth(1)).toContainText('n-0000');
    await scrollTo(page, table, 1000);

    await gate.shut();
    await table.locator('.jp-WindlassGrid-rows').hover({ position: { x: 300, y: 100 } });
    const problem = table.getByRole('alert').filter({ hasText: 'More could not be read' });
    await expect(async () => {
      await page.mouse.wheel(0, 1500);
      await expect(problem).toBeVisible({ timeout: 500 });
    }).toPass();
    const reached = await expectWhole(table);
    expect(reached).toBeGreaterThan(1000);
    await gate.open();
    await problem.getByRole('button', { name: 'Try again' }).click();
    await expect(problem).toBeHidden();
    await scrollTo(page, table, 2000);
    await page.mouse.wheel(0, -20_000);
    expect(await expectWhole(table)).toBeLessThan(2000);
    expect(await table.getByRole('row').count()).toBeLessThan(80);
  } finally {
    await away.dispose();
    await gate.shut();
  }
});
