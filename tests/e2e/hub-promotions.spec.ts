/** Approvals on a real JupyterHub with a real MLflow: refused, granted, overtaken; by keyboard, light and dark; nothing runs. */
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, test, type PromotionsHub } from "./promotions-hub";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const MARKUP =
  '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

const waiting = (page: Page, model: string) =>
  page.getByRole("listitem").filter({ hasText: model });
const line = (page: Page, model: string) =>
  page.getByRole("row").filter({ hasText: model });
const aliases = (hub: PromotionsHub, model: string) =>
  hub.do<Record<string, string>>({ do: "aliases", model });

async function asked(
  hub: PromotionsHub,
  model: string,
  version: string,
  comment: string,
): Promise<void> {
  const answer = await hub.do<{ state: string }>({
    do: "promote",
    user: "bob",
    model,
    version,
    comment,
  });
  expect(answer.state).toBe("waiting");
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const { violations: found } = await axe.run(
      { include: "main" },
      { runOnly: ["wcag2a", "wcag2aa"] },
    );
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`),
    );
  });
}

test("a promotion is refused with a reason, another is granted, and who asked sees both", async ({
  hub,
  page,
  browser,
}) => {
  await hub.do({ do: "model", name: "churn" });
  await asked(hub, "churn", "2", `better recall ${MARKUP}`);
  await hub.open(page, "lea");
  const card = waiting(page, "churn");
  await expect(card).toContainText("churn: champion, version 1 → version 2");
  await expect(card).toContainText("Asked by bob");
  await expect(card).toContainText("It needs the approval of 1 of ml-leads.");
  await expect(card).toContainText(`better recall ${MARKUP}`);
  await expect(card).toContainText(
    "MLflow lets nobody but its admins and the hub service move",
  );
  await expect(
    card.getByRole("button", { name: "Withdraw champion of churn" }),
  ).toHaveCount(0);

  await card.getByRole("button", { name: "Compare the versions" }).click();
  const comparison = page.getByRole("dialog");
  await expect(comparison.getByRole("row", { name: /accuracy/ })).toContainText(
    "0.9",
  );
  await page.keyboard.press("Escape");

  await card.getByRole("button", { name: "Refuse champion of churn" }).click();
  await page.getByLabel("Why (kept in the log)").fill("not on fresh data");
  await page.getByRole("button", { name: "Refuse", exact: true }).click();
  await expect(
    page.getByText("Refused: churn: champion stays where it is."),
  ).toBeVisible();
  await expect(page.getByText("Nothing waits for you")).toBeVisible();
  await expect(line(page, "churn")).toContainText("lea refused it");
  expect(await aliases(hub, "churn")).toEqual({ champion: "1" });

  await asked(hub, "churn", "3", "on fresh data");
  await page.getByRole("button", { name: "Refresh" }).click();
  await waiting(page, "churn")
    .getByRole("button", { name: "Approve champion of churn" })
    .click();
  await page.getByLabel("Why (kept in the log)").fill("agreed");
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(
    page.getByText("Done: churn: champion is at version 3 now."),
  ).toBeVisible();
  expect(await aliases(hub, "churn")).toEqual({ champion: "3" });

  const bob = await (await browser.newContext()).newPage();
  await hub.open(bob, "bob");
  await expect(line(bob, "churn").first()).toContainText("done");
  await expect(line(bob, "churn").first()).toContainText("agreed");
  await expect(line(bob, "churn").nth(1)).toContainText("not on fresh data");
  await bob.reload();
  await expect(line(bob, "churn")).toHaveCount(2);
  await bob.context().close();
  expect(await page.evaluate(() => "pwned" in window)).toBe(false);
});

test("who asked can withdraw and not approve; who is nobody sees nothing of it", async ({
  hub,
  page,
  browser,
}) => {
  await hub.do({ do: "model", name: "fraud" });
  await hub.do({ do: "edit", user: "ann", model: "fraud" });
  await asked(hub, "fraud", "2", "try it");
  await hub.open(page, "bob");
  const card = waiting(page, "fraud");
  await expect(card).toContainText(
    "champion is protected only as long as everyone goes through Windlass.",
  );
  await expect(card).toContainText(
    "1 account besides its admins may edit this model",
  );
  await expect(card.getByRole("button", { name: /Approve/ })).toHaveCount(0);

  const ann = await (await browser.newContext()).newPage();
  await hub.open(ann, "ann");
  await expect(ann.getByText("Nothing waits for you")).toBeVisible();
  await expect(ann.getByText("fraud")).toHaveCount(0);
  await ann.context().close();

  await card
    .getByRole("button", { name: "Withdraw champion of fraud" })
    .click();
  await page.getByRole("button", { name: "Withdraw", exact: true }).click();
  await expect(
    page.getByText("Withdrawn: fraud: champion stays where it is."),
  ).toBeVisible();
  expect(await aliases(hub, "fraud")).toEqual({ champion: "1" });
});

test("of two approvers the second is told; the keyboard alone approves", async ({
  hub,
  page,
  browser,
}) => {
  await hub.do({ do: "model", name: "spam" });
  await asked(hub, "spam", "2", "");
  const second = await (await browser.newContext()).newPage();
  await hub.open(second, "leo");
  await hub.open(page, "lea");
  await waiting(second, "spam")
    .getByRole("button", { name: "Approve champion of spam" })
    .click();

  await waiting(page, "spam")
    .getByRole("button", { name: "Approve champion of spam" })
    .focus();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Why (kept in the log)")).toBeFocused();
  await page.keyboard.type("yes");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(
    page.getByText("Done: spam: champion is at version 2 now."),
  ).toBeVisible();
  await expect(
    page.getByRole("heading", { name: "Waiting for approval" }),
  ).toBeFocused();

  await second.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(
    second.getByRole("alert").filter({ hasText: "waits no more: it is done" }),
  ).toBeVisible();
  await second.keyboard.press("Escape");
  await expect(second.getByText("Nothing waits for you")).toBeVisible();
  await second.context().close();
});

test("light, dark and narrow, nothing breaks WCAG", async ({ hub, page }) => {
  await hub.do({ do: "model", name: "vision" });
  await asked(hub, "vision", "2", "see the chart");
  await hub.open(page, "lea");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1300, 420]) {
      await page.setViewportSize({ width, height: 900 });
      await expect(waiting(page, "vision")).toBeVisible();
      expect(await violations(page), `${colorScheme} ${width}`).toEqual([]);
      const overflow = await page.evaluate(
        () =>
          document.documentElement.scrollWidth -
          document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  }
});
