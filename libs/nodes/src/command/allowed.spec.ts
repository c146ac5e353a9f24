import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowedProgram, matches } from './allowed.js';
import { environmentOf, refusedVariable } from './environment.js';

describe('the programs that a command may be', () => {
  let folder: string;
  const path = process.env['PATH'];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'programs-'));
    for (const name of ['first/tool', 'second/tool', 'second/load.sh', 'second/deep/er.sh', 'second/plain']) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), '#!/bin/sh\n');
      if (!name.endsWith('plain')) await chmod(join(folder, name), 0o755);
    }
    await symlink(join(folder, 'second/load.sh'), join(folder, 'first/link'));
    process.env['PATH'] = `${folder}/first:relative:${folder}/second`;
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await rm(folder, { recursive: true });
  });

  const tell = (written: string, allowed: string[], enabled = true): Promise<string> =>
    allowedProgram(written, join(folder, 'second'), {
      enabled,
      allowed: allowed.map((pattern) => pattern.replace('FOLDER', folder)),
      memoryMb: 1,
      processes: 1,
      fileMb: 1,
      openFiles: 1,
    }).then(
      (found) => found.replace(folder, ''),
      (error: Error) => `${error.name}: ${error.message.replaceAll(folder, '')}`,
    );

  it.each<[string, string[], string]>([
    ['tool', ['tool'], '/first/tool'],
    ['tool', ['to*'], '/first/tool'],
    ['tool', ['*'], '/first/tool'],
    ['tool', ['FOLDER/first/*'], '/first/tool'],
    ['link', ['FOLDER/first/link'], '/first/link'],
    ['./load.sh', ['FOLDER/second/*'], '/second/load.sh'],
    ['deep/er.sh', ['FOLDER/second/**'], '/second/deep/er.sh'],
    ['deep/../load.sh', ['FOLDER/second/load.sh'], '/second/load.sh'],
    ['./load.sh', ['*'], '/second/load.sh'],
  ])('%s is found under %j', async (written, allowed, found) => {
    expect(await tell(written, allowed)).toBe(found);
  });

  it.each<[string, string[], RegExp]>([
    [
      'tool',
      ['too', 'tools', 't'],
      /^CommandNotAllowed: 'tool' is none of .*COMMANDS_ALLOWED: too, tools, t/,
    ],
    // Another one of the name that goes first must not be taken for the one that is allowed.
    ['tool', ['FOLDER/second/tool'], /^CommandNotAllowed: 'tool' is \/first\/tool on this worker/],
    ['link', ['FOLDER/second/load.sh'], /^CommandNotAllowed/],
    ['./load.sh', ['load.sh'], /^CommandNotAllowed/],
    ['deep/er.sh', ['FOLDER/second/*'], /^CommandNotAllowed/],
    ['../second/load.sh', ['FOLDER/first/**'], /^CommandNotAllowed/],
    ['/etc/passwd', ['tool'], /^CommandNotAllowed/],
    ['no_such', ['*'], /^CommandNotFound: there is no program 'no_such' on the PATH of this worker$/],
    ['plain', ['*'], /^CommandNotFound/],
    ['./deep', ['*'], /^CommandNotFound: .*looked for \/second\/deep/],
    ['', ['*'], /^InvalidConfig: config.command.0 is empty/],
    [' ', ['*'], /^InvalidConfig/],
  ])('%j is refused under %j', async (written, allowed, told) => {
    expect(await tell(written, allowed)).toMatch(told);
  });

  it('are none unless they are enabled', async () => {
    expect(await tell('tool', ['*'], false)).toMatch(/^CommandsDisabled: .*COMMANDS_ENABLED=true/);
  });

  it.each([
    ['/opt/*.sh', '/opt/a.sh', true],
    ['/opt/*.sh', '/opt/x/a.sh', false],
    ['/opt/?.sh', '/opt/ab.sh', false],
    ['python3.*', 'python3.11', true],
    ['python3.*', 'python3x11', false],
    ['(a|b)', 'a', false],
  ])('%s and %s: %s', (pattern, text, is) => {
    expect(matches(pattern, text)).toBe(is);
  });
});

describe('the environment of a command', () => {
  it.each([
    'LD_PRELOAD',
    'ld_preload',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'PATH',
    'PYTHONPATH',
    'BASH_ENV',
    'TAURO_INPUT',
    'GIT_SSH_COMMAND',
    'a b',
    'a=b',
    '',
  ])('cannot have %s', (name) => {
    expect(refusedVariable(name)).toEqual(expect.any(String));
  });

  it('has of the worker the path, the language and the time zone alone', () => {
    const own = { PATH: '/bin', LANG: 'C', TZ: 'UTC', SECRET_KEY: 'k', MONGODB_URL: 'm', HOME: '/root' };
    const told = { TAURO_INPUT: '/s/in' };
    expect(environmentOf({ N: 5, ON: true, HOME: '/h' }, '/s', told, own)).toEqual({
      ...{ PATH: '/bin', LANG: 'C', TZ: 'UTC', TMPDIR: '/s' },
      ...{ N: '5', ON: 'true', HOME: '/h', TAURO_INPUT: '/s/in' },
    });
    expect(environmentOf({}, '/s', {}, {})).toEqual({ HOME: '/s', TMPDIR: '/s' });
  });
});
