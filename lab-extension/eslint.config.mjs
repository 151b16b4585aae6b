/** One level only: what matters is an error. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import jupyter from '@jupyter/eslint-plugin';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const here = dirname(fileURLToPath(import.meta.url));

/** The plugin's recommended rules, every one an error. */
const jupyterAtError = jupyter.configs.recommended.map(part => ({
  ...part,
  plugins: { ...part.plugins, jupyter },
  rules: Object.fromEntries(
    Object.entries(part.rules ?? {}).map(([name, level]) => [name, level === 'off' ? 'off' : 'error'])
  )
}));

export default defineConfig(
  globalIgnores(['lib/', 'coverage/', 'node_modules/', 'src/api/contract.ts']),
  ...jupyterAtError,
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      reactHooks.configs.flat['recommended-latest']
    ],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: here } },
    rules: {
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], prefix: ['I'] },
        { selector: 'typeAlias', format: ['PascalCase'] },
        {
          selector: 'classProperty',
          modifiers: ['private'],
          format: ['camelCase'],
          leadingUnderscore: 'require'
        },
        {
          selector: 'classMethod',
          modifiers: ['private'],
          format: ['camelCase'],
          leadingUnderscore: 'require'
        }
      ],
      // Arrow functions that hand on the nothing they got read better than blocks.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }
      ],
      // The house style of JupyterLab: options and statics live in a namespace beside their class.
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Lumino's signals take a method and its `this` as two arguments.
      '@typescript-eslint/unbound-method': 'off',
      complexity: ['error', 12],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ regex: '^@(jupyterlab|lumino)/[^/]+/lib', message: 'Import from the package itself.' }]
        }
      ]
    }
  },
  {
    files: ['src/**/__tests__/**'],
    rules: {
      // A test file is one long function by nature, and its fakes have no manners.
      '@typescript-eslint/explicit-function-return-type': 'off',
      '@typescript-eslint/require-await': 'off',
      'jupyter/no-untranslated-string': 'off',
      'jupyter/prefer-lazy-imports': 'off',
      'jupyter/require-disposable-ownership': 'off',
      'jupyter/require-disposable-transfer': 'off',
      'jupyter/require-signal-cleanup': 'off',
      'max-lines-per-function': 'off'
    }
  }
);
