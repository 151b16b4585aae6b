/** `make pictures`: not a test, but a browser that takes the pictures of the documentation. */
import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

export default defineConfig(tests, { testMatch: /pictures(-cluster|-experiments|-gpus)?\.ts$/, timeout: 240_000 });
