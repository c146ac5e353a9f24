import { availableParallelism } from 'node:os';

/**
 * Nest 12 ships ES modules only, and Jest runs CommonJS: swc therefore rewrites both our TypeScript and the
 * packages themselves. Its cache makes every run but the first fast.
 */
const commonjs = { module: { type: 'commonjs' }, sourceMaps: 'inline' };
const ours = {
  ...commonjs,
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    target: 'es2022',
    keepClassNames: true,
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  },
};
const packages = {
  ...commonjs,
  isModule: 'unknown',
  jsc: { parser: { syntax: 'ecmascript' }, target: 'es2022' },
};

const base = {
  testEnvironment: 'node',
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'ts', 'json', 'node'],
  transform: {
    // A script that imports dynamically, which Jest's sandbox refuses; taken for a module it is rewritten.
    '/mongodb/lib/runtime_adapters\\.js$': ['@swc/jest', { ...packages, isModule: true }],
    '/node_modules/.+\\.m?js$': ['@swc/jest', packages],
    '\\.ts$': ['@swc/jest', ours],
  },
  transformIgnorePatterns: [],
  moduleNameMapper: {
    '^@tauro/(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/\\.tauro/'],
};

export default {
  // Much of it waits for other processes: one test file per core would leave a third of the cores idle.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  testSequencer: '<rootDir>/test/support/slow-first.cjs',
  reporters: ['default', '<rootDir>/test/support/count-reporter.cjs'],
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts', '!**/*.spec.ts', '!**/main.ts'],
  projects: [
    {
      ...base,
      displayName: 'unit',
      testMatch: ['<rootDir>/{apps,libs,examples,scripts}/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
    },
    {
      ...base,
      displayName: 'e2e',
      testEnvironment: '<rootDir>/test/support/e2e-environment.cjs',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/e2e-timeout.ts'],
    },
  ],
};
