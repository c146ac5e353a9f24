import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks } from '../support/markdown.js';
import { runProgram } from '../support/shell.js';
import { ROOT } from '../support/server-process.js';
import { Tauro } from '../support/tauro.js';

describe("the README's tour of the API", () => {
  let tauro: Tauro;
  beforeAll(async () => {
    tauro = await Tauro.start({ exampleData: true });
  });
  afterAll(() => tauro?.stop());

  it('can be typed from top to bottom', async () => {
    const blocks = codeBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8')).filter(
      (block) => block.language === 'bash' && block.under.includes('A tour of the API'),
    );
    expect(blocks.length).toBeGreaterThan(3);
    // One shell for all of it, as for a reader: later blocks use the ids that earlier ones kept.
    const script = blocks.map((block) => block.code).join('\n');
    const { code, stdout, stderr } = await runProgram(
      ['bash', '-euo', 'pipefail'],
      script.replaceAll('http://localhost:8000', tauro.url),
    );
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining('"error":{'),
    });
    expect(stdout).toContain('SUCCESS');
  });
});
