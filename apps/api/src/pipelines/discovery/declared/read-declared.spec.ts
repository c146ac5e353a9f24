import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateDefinition } from '@tauro/nodes';
import { discover } from '../discover.js';
import { findModules, readDeclared } from './read-declared.js';

// Real processes that run real TypeScript files. They start from source, which takes a while.
jest.setTimeout(60_000);

const NODES = `[{ id: 'w', type: 'wait', config: { seconds: Number(process.env.SECONDS) } }]`;
const FILES: Record<string, string> = {
  'a_good.ts': `
    import { Pipeline, pipeline, Task, type TaskContext } from '@tauro/sdk';
    @Pipeline({ name: 'one', nodes: ${NODES} })
    export class One { @Task('one') async run({ input }: TaskContext) { return input; } }
    export const two = pipeline({ name: 'two', nodes: ${NODES} });`,
  'b_faulty.ts': `import { pipeline } from '@tauro/sdk'; pipeline({ name: 'three', nodes: [{ id: 'x', type: 'wiat' }] } as never);`,
  'c_throws.ts': `import { pipeline } from '@tauro/sdk'; throw new Error('no database'); pipeline({} as never);`,
  'd_syntax.ts': `import { pipeline } from '@tauro/sdk'; pipeline({`,
  'e_hangs.ts': `import { pipeline } from '@tauro/sdk'; for (;;) if (Date.now() < 0) pipeline({} as never);`,
  'f_exits.ts': `import { pipeline } from '@tauro/sdk'; process.exit(3); pipeline({} as never);`,
  'g_handler.ts': `import { Task } from '@tauro/sdk'; throw new Error('no pipeline, so nobody loads it');`,
  'h_last.ts': `import { pipeline } from '@tauro/sdk'; pipeline({ name: 'TWO', nodes: ${NODES} });`,
};

describe('pipelines that code declares', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tauro-declared-'));
    mkdirSync(join(folder, 'handlers'));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, 'handlers', name), text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are found beside others, and each bad file is told and spoils nothing but itself', async () => {
    const files = await findModules([join(folder, 'handlers')], [folder]);
    expect(files.map(({ label }) => label)).toEqual(Object.keys(FILES).map((name) => `handlers/${name}`));
    const variables = { ...process.env, SECONDS: '7' };
    const declared = await readDeclared(files, { maxBytes: 10_000, variables, timeoutMs: 3000 });
    const check = async (definition: unknown) => (await validateDefinition(definition)).errors;
    const options = { maxBytes: 10_000, environment: 'base', variables, check, declared };
    const { found, problems } = await discover([], options);

    expect(found.map(({ definition: { name, nodes }, path }) => [name, path, nodes[0]!.config])).toEqual([
      ['one', 'handlers/a_good.ts', { seconds: 7 }],
      ['two', 'handlers/a_good.ts', { seconds: 7 }],
    ]);
    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      expect.stringMatching(/b_faulty\.ts: node 'x': type 'wiat' is unknown/),
      'handlers/c_throws.ts: cannot be loaded: no database',
      expect.stringMatching(/d_syntax\.ts: cannot be loaded: .*Unexpected/),
      'handlers/e_hangs.ts: took longer than 3 s to load',
      'handlers/f_exits.ts: ended its process with code 3 while it was loaded',
      "handlers/h_last.ts: a pipeline named 'TWO' is already in handlers/a_good.ts",
    ]);
  });

  it('are asked for only where both handlers and pipelines lie, and a text says that there may be some', async () => {
    const file = join(folder, 'handlers', 'g_handler.ts');
    const limits = { maxBytes: 10_000, variables: {}, timeoutMs: 5000 };
    expect(await readDeclared(await findModules([file], [file]), limits)).toEqual([]);
    expect(await findModules([folder], [join(folder, 'pipelines')])).toEqual([]);
    expect(await findModules([join(folder, 'none')], [folder])).toEqual([]);
  });
});
