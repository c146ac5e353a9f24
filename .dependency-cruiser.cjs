/**
 * The house rules of the rooms: who may import whom, and no circles. `npm run check` fails on any of them.
 * Each row says what a room may import of ours; packages of npm are free to all but `domain`.
 */
const MAY_IMPORT = {
  domain: [],
  sdk: ['domain'],
  tracing: [],
  platform: ['domain', 'tracing'],
  processes: ['domain'],
  database: ['domain', 'platform'],
  queue: ['domain', 'platform'],
  nodes: ['domain', 'tracing', 'sdk'],
  handlers: ['domain', 'sdk'],
  testing: ['domain', 'sdk', 'nodes'],
  orchestration: ['database', 'queue', 'nodes', 'domain', 'platform', 'tracing'],
};

const roomRules = Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
  name: `${room}-imports-only-its-neighbours`,
  comment: `libs/${room} may import ${allowed.map((name) => `libs/${name}`).join(', ') || 'no other room'}.`,
  severity: 'error',
  from: { path: `^libs/${room}/`, pathNot: '\\.spec\\.ts$' },
  to: { path: '^(libs|apps|examples|test|bench)/', pathNot: `^libs/(${[room, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'no-circular',
      comment: 'A circle means that two files are one, or that something stands in the wrong room.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'apps-never-import-apps',
      comment: 'What two apps need belongs into a room of libs/.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'libs/domain knows neither Nest nor mongoose nor any other machinery.',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: '\\.spec\\.ts$' },
      to: { path: 'node_modules/(@nestjs|mongoose|bullmq|ioredis|express|pino|nestjs-pino|@duckdb)/' },
    },
    {
      name: 'rooms-by-their-door',
      comment: "Import another room by its alias ('@tauro/<room>'), that is by its index.ts.",
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/(?!index\\.ts$)', pathNot: '^$1/$2/' },
    },
    {
      name: 'no-tests-in-production',
      comment: 'What runs in production imports neither specs, test support nor development packages.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '(\\.spec\\.ts$|^test/|^bench/)' },
    },
    {
      name: 'no-development-packages-in-production',
      comment:
        'Embedded stores are for development and tests, and load what they need only when they are used.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: '(\\.spec\\.ts$|^libs/platform/src/stores/)' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'declared-packages-only',
      comment: 'A package that package.json does not name may vanish with the next install.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'unknown', 'undetermined'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(libs|apps)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|\\.tauro)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
};
