/**
 * A real JupyterHub with promotions in front of a real MLflow, for the tests of approvals.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { join, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { test as base, type Page } from "@playwright/test";

const REPOSITORY = resolve(__dirname, "..", "..");

export class PromotionsHub {
  private constructor(
    private readonly _process: ChildProcess,
    private readonly _answers: Interface,
    private readonly _place: { url: string; password: string },
  ) {}

  /** Start hub and MLflow, and wait until both answer. */
  static async start(): Promise<PromotionsHub> {
    const process = spawn(
      join(REPOSITORY, ".venv", "bin", "python"),
      [join(__dirname, "serve_promotions.py")],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    const answers = createInterface({ input: process.stdout });
    const first = await new Promise<string>((done, fail) => {
      answers.once("line", done);
      process.once("exit", (code) =>
        fail(new Error(`the launcher ended with ${code}`)),
      );
    });
    return new PromotionsHub(
      process,
      answers,
      JSON.parse(first) as { url: string; password: string },
    );
  }

  /** Have the launcher do something (see serve_promotions.py). */
  async do<T>(command: Record<string, string>): Promise<T> {
    const answer = new Promise<string>((done) =>
      this._answers.once("line", done),
    );
    this._process.stdin?.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await answer) as T;
  }

  /** Log in and open the page of promotions. */
  async open(page: Page, user: string): Promise<void> {
    await page.goto(
      `${this._place.url}hub/login?next=${encodeURIComponent("/hubs/hub/home")}`,
    );
    await page.getByLabel("Username").fill(user);
    await page.getByLabel("Password").fill(this._place.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/hub\/home/);
    await page.goto(`${this._place.url}services/windlass/promotions`);
  }

  async dispose(): Promise<void> {
    const gone = new Promise((done) => this._process.once("exit", done));
    this._process.stdin?.end();
    await gone;
  }
}

export const test = base.extend<object, { hub: PromotionsHub }>({
  hub: [
    async ({}, use) => {
      const hub = await PromotionsHub.start();
      await use(hub);
      await hub.dispose();
    },
    { scope: "worker", timeout: 240_000 },
  ],
});

export { expect } from "@playwright/test";
