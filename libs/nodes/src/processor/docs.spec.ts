import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import { configFaults } from '../validate.js';
import { processorNode } from './processor.node.js';
import { TRANSFORMATIONS } from './transformations/index.js';

const DOCS = readFileSync(join(__dirname, '../../../../docs/processors.md'), 'utf8');

/** What stands below a heading. */
const sectionOf = (heading: string): string =>
  (DOCS.split(`\n### ${heading}\n`)[1] ?? '').split('\n#')[0]!.replace(/\s+/g, ' ');

const examples = [...DOCS.matchAll(/```json\n([^]*?)```/g)].map(
  ([, json]) => JSON.parse(json!) as JsonObject,
);

describe('docs/processors.md', () => {
  it.each([...TRANSFORMATIONS.values()])('says of $type what its schema says', ({ type, schema, bare }) => {
    const section = sectionOf(`\`${type}\``);
    const { description, required = [], properties } = schema;
    expect(section).toContain(description);
    for (const [option, { description: meaning }] of Object.entries(properties) as [string, JsonObject][]) {
      const needed = required.includes(option) ? 'yes' : '';
      expect(section).toContain(`| \`${option}\` | ${needed}${needed && ' '}| ${meaning as string} |`);
    }
    expect([...section.matchAll(/\| `(\w+)` \|/g)].map(([, option]) => option)).toEqual(
      Object.keys(properties),
    );
    expect(section.includes(`The bare name \`"${type}"\` will do.`)).toBe(bare ?? false);
  });

  it('has examples that are accepted, one at least of every transformation', () => {
    const shown = new Set<unknown>();
    for (const example of examples) {
      const config = 'type' in example ? { transformations: [example] } : example;
      expect({ example, faults: configFaults(processorNode, config) }).toEqual({ example, faults: [] });
      for (const { type } of (config['transformations'] ?? []) as JsonObject[]) shown.add(type);
    }
    expect([...TRANSFORMATIONS.keys()].filter((type) => !shown.has(type))).toEqual([]);
  });
});
