import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { VARIABLES } from '@tauro/platform';
import { codeBlocks } from '../support/markdown.js';

const ROOT = resolve(__dirname, '../..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const contributing = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');

describe('the README tells the truth', () => {
  it('about every environment variable: name, default and meaning', () => {
    const told = readme
      .split('\n')
      .filter((line) => /^\| `[A-Z_]+` +\|/.test(line))
      .map((line) =>
        line
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim().replaceAll('\\|', '|'))
          .slice(1, -1),
      );
    const expected = VARIABLES.map(({ name, default: fallback, description }) => [
      `\`${name}\``,
      fallback === '' ? '' : `\`${fallback}\``,
      description,
    ]);
    expect(told).toEqual(expected);
  });

  it('under every heading, and has only variables in their table', () => {
    const sections = readme.split(/^## /m).slice(1);
    const empty = sections.filter((section) => section.split('\n').slice(1).join('').trim() === '');
    expect(empty).toEqual([]);
    const configuration = sections.find((section) => section.startsWith('Configuration\n'))!;
    const rows = configuration.split('\n').filter((line) => line.startsWith('| `'));
    expect(rows).toHaveLength(VARIABLES.length);
  });

  it('about the tree: every folder it draws is there', () => {
    const tree = codeBlocks(readme).find((block) => block.under.at(-1) === 'The tree')!;
    const drawn = [...tree.code.matchAll(/^([\w./-]+\/)\s/gm)].map((match) => match[1]!);
    expect(drawn.length).toBeGreaterThan(10);
    expect(drawn.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('about its links and its scripts, and so does CONTRIBUTING', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const text of [readme, contributing]) {
      const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
      expect(links.filter((link) => !/^https?:/.test(link) && !existsSync(join(ROOT, link)))).toEqual([]);
      const named = [...text.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!);
      expect(named.filter((name) => !(name in scripts))).toEqual([]);
    }
  });
});
