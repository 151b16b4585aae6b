/** The hub's spawn page: choose, start, come back; by keyboard, without script, light and dark; nothing runs of what admins write. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, test } from './hub';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const start = (page: Page) => page.getByRole('button', { name: 'Start' });
const card = (page: Page, name: string) => page.locator('.windlass-card', { has: page.getByRole('radio', { name }) });

/** What the user's own server says of itself, asked with the browser's cookies; its first page is a file. */
async function info(page: Page): Promise<unknown> {
  await expect(page.getByText('This is the server.')).toBeVisible({ timeout: 60_000 });
  const cookies = await page.context().cookies(page.url());
  const xsrf = cookies.find(({ name, path }) => name === '_xsrf' && path.includes('/user/'))?.value ?? '';
  const answer = await page.request.get(new URL('../windlass/v1/info', page.url()).href, {
    headers: { 'X-XSRFToken': xsrf }
  });
  return answer.json();
}

test('a server is chosen, started, and remembered, over a restart of the hub', async ({ hub, page }) => {
  await hub.openSpawnPage(page, 'bob');
  await expect(page.getByRole('radio', { name: 'CPU only' })).toBeChecked();
  await expect(card(page, 'CPU only')).toContainText('$0.12 per hour');
  await expect(card(page, 'A slice of an A100')).toContainText('price not set');
  await expect(card(page, 'Single Tesla T4')).toContainText('1 of 4 free');
  await expect(card(page, '8 × H100')).toContainText('starts a node, about 3 min');
  await expect(card(page, 'Research group')).toContainText(
    'Only for members of research.'
  );
  const huge = card(page, 'More than there is');
  await expect(huge.getByRole('radio')).toBeDisabled();
  await expect(huge).toContainText('No node is big enough');

  await page.getByRole('radio', { name: 'CPU only' }).check();
  await page.getByLabel('Image of CPU only').selectOption({ label: 'PyTorch: PyTorch 2.9, CUDA 12.8' });
  await start(page).click();
  expect(await info(page)).toMatchObject({ user: 'bob', on_hub: true });

  await hub.restart();
  await page.reload();
  expect(await info(page)).toMatchObject({ user: 'bob' });
  await page.goto(`${hub.url}hub/home`);
  await page.getByRole('button', { name: 'Stop My Server' }).click();
  await expect(page.getByRole('button', { name: 'Start My Server' })).toBeVisible();
  await page.goto(`${hub.url}hub/spawn`);
  await expect(page.getByRole('radio', { name: 'CPU only' })).toBeChecked();
  await expect(page.getByLabel('Image of CPU only')).toHaveValue('torch');
});

test('an image of one’s own is checked at its field, and again by the server', async ({ hub, page }) => {
  await hub.openSpawnPage(page, 'cyn');
  await card(page, 'Single Tesla T4').click();
  await page.getByLabel('Image of Single Tesla T4').selectOption('Another image…');
  const text = page.getByLabel('Image name for Single Tesla T4');
  await expect(text).toBeFocused();
  await start(page).click();
  await expect(text).toHaveJSProperty('validity.valueMissing', true);
  await text.fill('elsewhere.example/x');
  await start(page).click();
  await expect(text).toHaveJSProperty('validationMessage', 'Any image of registry.example');
  await expect(page).toHaveURL(/hub\/spawn/);
  // What is typed counts only for the card that is chosen.
  await card(page, 'Your own image').click();
  await expect(text).toHaveJSProperty('validity.valid', true);
  await page.getByLabel('Image name for Your own image').fill('elsewhere.example/x');
  await page.locator('#spawn_form').evaluate((form: HTMLFormElement) => (form.noValidate = true));
  await start(page).click();
  await expect(page.locator('.spawn-error-msg')).toContainText('Any image of registry.example without a tag');
  await expect(page.getByRole('radio', { name: 'Your own image' })).toBeChecked();
  await expect(page.getByLabel('Image name for Your own image')).toHaveValue('elsewhere.example/x');
});

test('the keyboard alone chooses, filters and starts', async ({ hub, page }) => {
  await hub.openSpawnPage(page, 'dan');
  await page.getByLabel('Show only').focus();
  await page.keyboard.type('cpu');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/hub\/spawn/);
  await page.getByLabel('Show only').fill('shares');
  await expect(page.getByText('1 of 11')).toBeVisible();
  await expect(card(page, 'Shared T4')).toBeVisible();
  await expect(card(page, '8 × H100')).toBeHidden();
  await expect(card(page, 'CPU only')).toBeVisible();
  await page.getByLabel('Show only').fill('');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('radio', { name: 'CPU only' })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: 'Single Tesla T4' })).toBeChecked();
  await page.keyboard.press('ArrowDown');
  // One that cannot be chosen is stepped over.
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: '8 × H100' })).toBeChecked();
  await expect(page.locator('.windlass-chosen')).toHaveText('8 × H100 · $98.32 per hour');
  const outline = await card(page, '8 × H100').evaluate(element => getComputedStyle(element).outlineStyle);
  expect(outline).toBe('solid');
  await page.getByRole('radio', { name: 'CPU only' }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Image of CPU only')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(start(page)).toBeFocused();
  await page.keyboard.press('Enter');
  expect(await info(page)).toMatchObject({ user: 'dan' });
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
    await hub.openSpawnPage(page, 'ann');
    await expect(page.locator('html')).toHaveAttribute('data-bs-theme', scheme);
    await expect(card(page, 'Research group')).toContainText('$0.00 per hour');
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: typeof import('axe-core') };
      const { violations } = await axe.run('#windlass-spawn', { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
    });
    expect(found).toEqual([]);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider).toBeLessThanOrEqual(0);
  });
}

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('every field is there, and a server starts', async ({ hub, page }) => {
    await hub.openSpawnPage(page, 'eve');
    await expect(page.getByLabel('Image name for Single Tesla T4')).toBeVisible();
    await expect(page.getByLabel('Show only')).toBeHidden();
    await page.getByText('CPU only', { exact: true }).click();
    await page.getByLabel('Image of CPU only').selectOption('base');
    await start(page).click();
    // JupyterHub's own waiting page needs a script to go on.
    await page.waitForURL(/spawn-pending|user\/eve/);
    await expect(async () => {
      await page.goto(`${hub.url}user/eve/files/ready.txt`);
      await expect(page.getByText('This is the server.')).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 60_000 });
  });
});

test('nothing that an admin writes runs or becomes part of the page', async ({ hub, page }) => {
  const before = hub.profiles;
  const bait = (place: string) =>
    `"'></p></script></style><img src=x onerror=document.body.dataset.bitten='${place}'><script>document.body.dataset.bitten='${place}'</script>{{ 7*7 }}{% raw %}`;
  const hostile = {
    version: 1,
    profiles: [
      {
        slug: 'bait',
        display_name: bait('name').slice(0, 120),
        description: bait('description'),
        cpu: 1,
        memory: '1G',
        images: ['one', 'two'],
        free_image: { pattern: '[a-z]+|' + '"><img src=x onerror=alert(1)>', hint: `"><img src=x onerror=alert(2)>{{ 7*7 }}` },
        gpu: { product: `"><img src=x onerror=alert(3)>`, count: 1 },
        max_servers: 1
      }
    ],
    images: ['one', 'two'].map(slug => ({
      slug,
      display_name: `</option><img src=x onerror=alert(4)>`,
      description: bait('image'),
      image: `registry.example/${slug}`
    }))
  };
  let dialogs = 0;
  page.on('dialog', dialog => {
    dialogs += 1;
    void dialog.dismiss();
  });
  hub.profiles = JSON.stringify(hostile);
  try {
    await hub.openSpawnPage(page, 'cyn');
    await expect(page.locator('.windlass-description')).toContainText('{{ 7*7 }}{% raw %}');
    await expect(page.locator('.windlass-name')).toContainText('<img src=x');
    await expect(page.locator('#windlass-spawn img')).toHaveCount(0);
    await expect(page.locator('#windlass-spawn script')).toHaveCount(0);
    await expect(page.locator('#windlass-spawn option')).toHaveCount(3);
    await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
    expect(await page.locator('body').innerText()).not.toContain('49');
    expect(dialogs).toBe(0);
  } finally {
    hub.profiles = before;
  }
});

test('with nothing to choose nothing can be started, and it says what to do', async ({ hub, page }) => {
  const before = hub.profiles;
  hub.profiles = 'profiles: []\n';
  try {
    await hub.openSpawnPage(page, 'cyn');
    await expect(page.getByRole('alert')).toContainText('No profile is open to you');
    await expect(start(page)).toBeHidden();
    hub.profiles = before;
    await page.getByRole('link', { name: 'Look again' }).click();
    await expect(page.getByRole('radio', { name: 'CPU only' })).toBeVisible();
    await expect(start(page)).toBeVisible();
  } finally {
    hub.profiles = before;
  }
});
