import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { label, written } from '@tauro/database';

const FOLDER = 'libs/database/src/migrations';
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const FILE = /^(\d{3,})_[a-z0-9_]+\.ts$/;

/**
 * Writes the next migration into a checkout and adds it to the list of all. @returns the files that were written.
 * @throws Error for a bad name, and where there are no sources
 */
export function createMigration(name: string, folder = FOLDER): string[] {
  if (!NAME.test(name)) throw new Error(`'${name}' is not a name such as add_user_roles`);
  if (!existsSync(folder)) throw new Error(`${folder} is not here: create migrations in a checkout of Tauro`);
  const numbers = readdirSync(folder).flatMap((file) => FILE.exec(file)?.[1] ?? []);
  const number = Math.max(0, ...numbers.map(Number)) + 1;
  const path = join(folder, `${label({ number, name })}.ts`);
  writeFileSync(path, template(number, name), { flag: 'wx' });
  const list = join(folder, 'all.ts');
  writeFileSync(list, withMigration(readFileSync(list, 'utf8'), number, name));
  return [path, list];
}

function template(number: number, name: string): string {
  return `import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const INDEXES: IndexTable = {
  // projects: [{ key: { owner: 1, created_at: -1, _id: -1 } }],
};

/** What it changes, and why. */
export const migration${written(number)}: Migration = {
  number: ${number},
  name: '${name}',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
`;
}

/** The list with one more: an import below the others, and a name at the end. */
function withMigration(list: string, number: number, name: string): string {
  const symbol = `migration${written(number)}`;
  const line = `import { ${symbol} } from './${label({ number, name })}.js';\n`;
  return list
    .replace(/^import \{ type Migration \}/m, `${line}$&`)
    .replace(/(MIGRATIONS[^=]*= \[)([^\]]*?),?\s*\];/, (_, before: string, names: string) => {
      const all = [...names.split(',').map((one) => one.trim()), symbol].filter(Boolean);
      const short = `${before}${all.join(', ')}];`;
      return short.length <= 110 ? short : `${before}\n${all.map((one) => `  ${one},\n`).join('')}];`;
    });
}
