import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import { configFaults } from '../validate.js';
import { processorNode } from './processor.node.js';
import { CHECKS } from '../quality/checks/index.js';
import { CHECK_OPTIONS } from '../quality/quality.schema.js';
import { TRANSFORMATIONS } from './transformations/index.js';

const DOCS = readFileSync(join(__dirname, '../../../../docs/processors.md'), 'utf8');

/** What stands below a heading. */
const sectionOf = (heading: string): string =>
  (DOCS.split(`\n### ${heading}\n`)[1] ?? '').split('\n#')[0]!.replace(/\s+/g, ' ');

const examples = [...DOCS.matchAll(/```json\n([^]*?)```/g)].map(
  ([, json]) => JSON.parse(json!) as JsonObject,
);

interface Described {
  description?: string;
  required?: string[];
  properties: Record<string, object>;
}

function expectOptions(section: string, { description = '', required = [], properties }: Described): void {
  expect(section).toContain(description);
  for (const [option, { description: meaning }] of Object.entries(properties) as [string, JsonObject][]) {
    const needed = required.includes(option) ? 'yes' : '';
    expect(section).toContain(`| \`${option}\` | ${needed}${needed && ' '}| ${meaning as string} |`);
  }
  const listed = [...section.matchAll(/\| `(\w+)` \|/g)].map(([, option]) => option);
  expect(listed).toEqual(Object.keys(properties));
}

describe('docs/processors.md', () => {
  it.each([...TRANSFORMATIONS.values()])('says of $type what its schema says', ({ type, schema, bare }) => {
    const section = sectionOf(`\`${type}\``);
    expectOptions(section, schema);
    expect(section.includes(`The bare name \`"${type}"\` will do.`)).toBe(bare ?? false);
  });

  it.each([...CHECKS.values()])('says of the check $type what its schema says', ({ type, schema }) => {
    expectOptions(sectionOf(`Check \`${type}\``), schema);
  });

  it('says of all checks what their schema says', () => {
    expectOptions(sectionOf('Options of every check'), { properties: CHECK_OPTIONS });
  });

  it('has examples that are accepted, one at least of every transformation and check', () => {
    const shown = new Set<unknown>();
    for (const example of examples) {
      const list = CHECKS.has(String(example['type'])) ? 'checks' : 'transformations';
      const config = 'type' in example ? { [list]: [example] } : example;
      expect({ example, faults: configFaults(processorNode, config) }).toEqual({ example, faults: [] });
      for (const list of ['transformations', 'checks']) {
        for (const { type } of (config[list] ?? []) as JsonObject[]) shown.add(type);
      }
    }
    expect([...TRANSFORMATIONS.keys(), ...CHECKS.keys()].filter((type) => !shown.has(type))).toEqual([]);
  });
});
