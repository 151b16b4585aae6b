/** Unit tests in a simulated browser; the real one is driven from tests/e2e. */
const transform = syntax => [
  '@swc/jest',
  {
    jsc: { parser: syntax, target: 'es2022', transform: { react: { runtime: 'classic' } } },
    module: { type: 'commonjs' },
    sourceMaps: 'inline'
  }
];

export default {
  // Only a test that hangs is to end by it, however slow the machine.
  testTimeout: 60_000,
  testEnvironment: '<rootDir>/src/__tests__/environment.cjs',
  testMatch: ['<rootDir>/src/**/__tests__/**/*.spec.{ts,tsx}'],
  setupFiles: ['<rootDir>/src/__tests__/browserGaps.ts'],
  setupFilesAfterEnv: ['<rootDir>/src/__tests__/noNoise.ts'],
  moduleNameMapper: {
    '\\.svg(\\?.*)?$': '<rootDir>/src/__tests__/svgStub.ts',
    '\\.(css|less)$': '<rootDir>/src/__tests__/emptyStub.ts'
  },
  transform: {
    '\\.tsx?$': transform({ syntax: 'typescript', tsx: true }),
    '\\.m?js$': transform({ syntax: 'ecmascript' })
  },
  // JupyterLab's packages and much of what they use are ES modules.
  transformIgnorePatterns: [
    '/node_modules/(?!(@jupyter|@jupyterlab|@jupyter-widgets|@lumino|@microsoft|@rjsf|exenv-es6|lib0|nanoid|vscode-ws-jsonrpc|y-protocols|y-websocket|yjs)/)'
  ],
  cacheDirectory: '<rootDir>/../node_modules/.cache/jest',
  coverageDirectory: 'coverage'
};
