import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_TYPES } from './error-types.js';

const ROOT = join(__dirname, '../../..');

/** The types that are written out in the code of nodes and workers. */
function typesInCode(): Set<string> {
  const files = ['libs', 'apps/worker/src'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .map((name) => join(ROOT, folder, name)),
  );
  const pattern = /new (?:NodeError|OutputError)\(\s*'(\w+)'/g;
  return new Set(
    files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, type]) => type!)),
  );
}

describe('the types of errors', () => {
  it('are those that the code gives', () => {
    const listed = ERROR_TYPES.map(({ type }) => type);
    const code = [...typesInCode()];
    expect(code.length).toBeGreaterThan(20);
    expect(code.filter((type) => !listed.includes(type))).toEqual([]);
    expect(listed).toEqual([...new Set(listed)]);
  });

  it('are documented as they are', () => {
    const documented = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').replace(/ +/g, ' ');
    for (const { type, meaning, retried } of ERROR_TYPES) {
      const again = retried === true ? 'yes' : retried === false ? 'no' : retried;
      expect(documented).toContain(`| \`${type}\` | ${meaning} | ${again} |`);
    }
  });
});
