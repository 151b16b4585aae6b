/** The pages' scripts: plain ES modules whose types `tsc` checks by their JSDoc. One level only, as for the front end. */
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';

const BROWSER = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'CSS',
  'Event',
  'EventTarget',
  'Node',
  'URL',
  'URLSearchParams',
  'clearInterval',
  'clearTimeout',
  'document',
  'fetch',
  'HTMLElement',
  'localStorage',
  'location',
  'sessionStorage',
  'setInterval',
  'setTimeout',
  'structuredClone',
  'window'
];

export default defineConfig({
  files: ['windlass_hub/static/**/*.js'],
  extends: [js.configs.recommended],
  languageOptions: {
    ecmaVersion: 2022,
    globals: Object.fromEntries(BROWSER.map(name => [name, 'readonly']))
  },
  rules: {
    complexity: ['error', 12],
    eqeqeq: 'error',
    'max-lines': ['error', 400],
    'max-lines-per-function': ['error', { max: 75, skipBlankLines: true, skipComments: true }],
    'no-console': 'error',
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    'prefer-const': 'error',
    // Nothing an admin or a user wrote may become markup or code.
    'no-eval': 'error',
    'no-implied-eval': 'error',
    'no-new-func': 'error',
    'no-restricted-properties': [
      'error',
      ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc'].map(property => ({
        property,
        message: 'Make elements with h().'
      })),
      { object: 'document', property: 'write' }
    ]
  }
});
