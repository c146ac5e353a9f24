import { type Migration, MIGRATIONS } from '@tauro/database';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createMigration } from './create-migration.js';

const ROOT = resolve(__dirname, '../../../..');
const DATABASE = join(ROOT, 'libs/database/src');
const FOLDER = join(DATABASE, 'migrations');

describe('npm run migrate -- create', () => {
  let library: string;
  let copy: string;

  // Within the checkout, where its packages are found, but not among its sources; with what migrations build on.
  beforeEach(() => {
    mkdirSync(join(ROOT, 'dist'), { recursive: true });
    library = mkdtempSync(join(ROOT, 'dist/created-'));
    cpSync(DATABASE, library, { recursive: true });
    copy = join(library, 'migrations');
  });
  afterEach(() => rmSync(library, { recursive: true, force: true }));

  it('writes the next migration, which loads and is one of all', () => {
    const before = MIGRATIONS.length;
    const written = [...Array(6).keys()].map((n) => createMigration(`add_thing_${n}`, copy)[0]);
    expect(written[0]).toMatch(/\d{3}_add_thing_0\.ts$/);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- written a moment ago
    const { MIGRATIONS: all } = require(join(copy, 'all.ts')) as { MIGRATIONS: Migration[] };
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: before + 6 }, (_, i) => i + 1));
    expect(all.at(-1)).toMatchObject({ name: 'add_thing_5', up: expect.any(Function) });
  });

  it('never writes over one', () => {
    createMigration('add_thing', copy);
    expect(createMigration('add_thing', copy)[0]).toContain(`${MIGRATIONS.length + 2}_add_thing`);
  });

  it.each(['Add', 'add-thing', '../add', 'add__thing', '9lives', ''])('refuses the name %j', (name) => {
    expect(() => createMigration(name, copy)).toThrow('is not a name such as add_user_roles');
  });
});

describe('the list of all migrations', () => {
  it('has every file, once, in order and without gaps', () => {
    const files = readdirSync(FOLDER).filter((file) => /^\d+_.*\.ts$/.test(file));
    const labels = MIGRATIONS.map(({ number, name }) => `${String(number).padStart(3, '0')}_${name}.ts`);
    expect(labels).toEqual(files);
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(files.map((_, i) => i + 1));
    expect(readFileSync(join(FOLDER, 'all.ts'), 'utf8').match(/^import \{ migration/gm)).toHaveLength(
      files.length,
    );
  });
});
