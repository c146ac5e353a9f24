import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { parse } from 'dotenv';

import { Env } from './env.js';
import { loadEnv } from './load-env.js';
import { VARIABLES } from './variable.js';

const FILE = resolve(__dirname, '../../../../.env.example');

describe('.env.example', () => {
  const documented = Object.entries(parse(readFileSync(FILE)));

  it('names every variable, in the order of the class, with its default', () => {
    expect(documented).toEqual(VARIABLES.map((spec) => [spec.name, spec.default]));
  });

  it('changes nothing when it is copied to .env', () => {
    expect(loadEnv([], {}, FILE)).toEqual(loadEnv([], {}, '/no/such/.env'));
  });

  it('has an acceptable example for every variable', () => {
    for (const { name, kind, example } of VARIABLES) {
      expect({ name, parsed: kind.parse(example) }).not.toEqual({ name, parsed: undefined });
    }
  });

  it('has no variable twice', () => {
    expect(new Set(VARIABLES.map((spec) => spec.name)).size).toBe(VARIABLES.length);
    expect(loadEnv([], {}, '')).toBeInstanceOf(Env);
  });
});
