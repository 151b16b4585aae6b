/** Not tests, but a browser that measures: benchmarks/experiments_browser.py runs it against a full MLflow server. */
import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

export default defineConfig(tests, { testMatch: /\.bench\.ts$/, timeout: 240_000 });
