/**
 * How soon runs are on screen, and how smoothly 100,000 of them scroll. Figures, and no assertions.
 *
 * WINDLASS_BENCH_MLFLOW is the address of a full MLflow server, WINDLASS_BENCH_EXPERIMENT the experiment's id in it,
 * WINDLASS_BENCH_OUT the file that is written: seconds, by what was measured.
 */
import { writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, Lab, test } from './lab';
import { execute, openPanel } from './pages';

const MLFLOW = process.env.WINDLASS_BENCH_MLFLOW ?? '';
const EXPERIMENT = process.env.WINDLASS_BENCH_EXPERIMENT ?? '';
const OUT = process.env.WINDLASS_BENCH_OUT ?? '';
const ROUNDS = 8;
const FRAMES = 600;

/** From a press on the section's title to the first rows on screen. */
async function firstRows(page: Page): Promise<number> {
  // JupyterLab may be about to open the panel itself: its tab would close it again.
  await execute(page, 'windlass:show-panel', {});
  await page.locator('.jp-WindlassPanel .lm-AccordionPanel-title', { hasText: 'Experiments' }).waitFor();
  // What JupyterLab does at its start is none of what is measured.
  await page.waitForLoadState('networkidle');
  return page.evaluate(
    async () =>
      new Promise<number>(done => {
        const titles = [...document.querySelectorAll<HTMLElement>('.jp-WindlassPanel .lm-AccordionPanel-title')];
        const began = performance.now();
        titles.find(title => title.textContent?.includes('Experiments'))?.click();
        const look = (): void => {
          if (document.querySelector('.jp-WindlassPanel [data-windlass-run]')) {
            // The rows are in the document before this frame is painted.
            requestAnimationFrame(() => done((performance.now() - began) / 1000));
          } else {
            requestAnimationFrame(look);
          }
        };
        look();
      })
  );
}

/** Frames and long tasks while the list goes by, so many pixels a frame; none: at rest. */
async function frames(page: Page, pixels: number): Promise<{ frames: number[]; tasks: number[]; rows: number }> {
  return page.evaluate(
    async ([count, step]) => {
      const grid = document.querySelector('.jp-WindlassRunsPage .jp-WindlassGrid');
      const tasks: number[] = [];
      const observer = new PerformanceObserver(list =>
        list.getEntries().forEach(({ duration }) => tasks.push(duration / 1000))
      );
      observer.observe({ entryTypes: ['longtask'] });
      const times: number[] = [];
      await new Promise<void>(done => {
        const next = (now: number): void => {
          times.push(now / 1000);
          grid?.scrollBy(0, step);
          if (times.length <= count) {
            requestAnimationFrame(next);
          } else {
            done();
          }
        };
        requestAnimationFrame(next);
      });
      observer.disconnect();
      const rows = Math.floor((grid?.scrollTop ?? 0) / 28);
      return { frames: times.slice(1).map((time, at) => time - (times[at] ?? time)), tasks, rows };
    },
    [FRAMES, pixels] as const
  );
}

/** MLflow's own answer to the question behind the first rows. */
async function asked(): Promise<number> {
  const body = JSON.stringify({
    experiment_ids: [EXPERIMENT],
    max_results: 100,
    order_by: ['attributes.start_time DESC']
  });
  const began = performance.now();
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${MLFLOW}/api/2.0/mlflow/runs/search`, { method: 'POST', headers, body });
  await answer.text();
  return (performance.now() - began) / 1000;
}

test('experiments in a browser', async ({ page }) => {
  const lab = await Lab.start({ MLFLOW_TRACKING_URI: MLFLOW });
  try {
    await lab.open(page, undefined, 'bench');
    const panel = await openPanel(page);
    await panel.locator('.lm-AccordionPanel-title', { hasText: 'Experiments' }).click();
    await panel.getByRole('button', { name: /^Experiment:/ }).click();
    await panel.getByRole('combobox', { name: 'Search experiments by name' }).fill('many runs');
    await panel.getByRole('option', { name: 'many runs' }).click();
    await expect(panel.getByRole('row').first()).toBeVisible();
    await expect.poll(async () => (await lab.api('/lab/api/workspaces/bench')).text()).toContain('windlass:experiment');
    const opened: number[] = [];
    const raw: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await page.reload();
      await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
      opened.push(await firstRows(page));
      raw.push(await asked());
    }
    await execute(page, 'windlass:open-runs', { id: EXPERIMENT });
    await expect(page.locator('.jp-WindlassRunsPage:visible').getByRole('row').nth(1)).toBeVisible();
    await page.waitForLoadState('networkidle');
    const rest = await frames(page, 0);
    const scrolled = await frames(page, 60);
    writeFileSync(OUT, JSON.stringify({ opened, raw, rest, scrolled }));
  } finally {
    await lab.dispose();
  }
});
