import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, ONCE } from '../../support/nodes.js';
import { ROOT } from '../../support/server-process.js';
import { placesWith } from '../../support/sweep.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const onLinux = process.platform === 'linux' ? it : it.skip;
const withPython = hasPython() ? it : it.skip;

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    console.error('SKIPPED: no python3 on the PATH, so what concerns it is not tested');
    return false;
  }
}

const sh = (id: string, script: string, config: object = {}, rest: object = {}): object => ({
  id,
  type: 'command',
  config: { command: ['sh', '-c', script], ...config },
  ...ONCE,
  ...rest,
});

/** How many processes there are whose command line has this. */
function running(text: string): number {
  const lines = execFileSync('ps', ['-eo', 'stat=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(text) && !/^\s*Z/.test(line)).length;
}

let naps = 0;
/** A command that has five processes, none of which hears SIGTERM, one of them detached as a daemon is. */
function family(): { script: string; seconds: string } {
  const seconds = `${8000 + (process.pid % 1000)}.${++naps}`;
  const stubborn = `trap '' TERM; sleep ${seconds}; sleep ${seconds}`;
  const script = `trap '' TERM; (${stubborn}) & (setsid sh -c "${stubborn}" >/dev/null 2>&1 &) ; echo ready; ${stubborn}`;
  return { script, seconds };
}

describe('commands', () => {
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    tauro = await Tauro.start({
      env: {
        COMMANDS_ENABLED: 'true',
        COMMANDS_ALLOWED: JSON.stringify(['sh', 'python3', 'printf']),
        SECRET_KEY: randomBytes(32).toString('base64'),
        LEASE_SECONDS: '5',
        HEARTBEAT_SECONDS: '1',
      },
    });
    user = new User(tauro.api);
    for (const file of ['tauro.py', 'late_flights.py'])
      copyFileSync(join(ROOT, 'examples/python', file), join(tauro.files, file));
  });
  afterAll(() => tauro?.stop());

  const ended = async (nodes: object[], ...rest: [object?, object?]): Promise<{ run: any; tasks: any }> => {
    const run = await user.ended(await user.startNew(nodes, ...rest));
    return { run, tasks: await user.tasks(run.id) };
  };

  it('run with what templates give them, and their output goes on', async () => {
    const nodes = [
      {
        id: 'says',
        type: 'command',
        config: { command: ['printf', '%s-%s', '{{ params.a }}', '{{ params.n }}'] },
      },
      sh('takes', 'cat "$TAURO_INPUT" >&2; echo $FROM', {
        env: { FROM: '{{ nodes.says.output.stdout }}' },
        input: { n: '{{ params.n }}' },
      }),
    ];
    const params = { a: '$(id) ; "x"', n: 7 };
    const { run, tasks } = await ended(nodes, { edges: chain('says', 'takes') }, { params });
    expect(run.state).toBe('SUCCESS');
    expect(tasks.says.output).toEqual({ exit_code: 0, stdout: '$(id) ; "x"-7' });
    expect(tasks.takes.output).toEqual({ exit_code: 0, stdout: '$(id) ; "x"-7' });
    const lines = await user.logs(run.id, '&task_id=' + tasks.takes.id);
    const told = JSON.parse(lines.find(({ level }) => level === 'WARNING').message);
    expect(told).toMatchObject({ params, input: { n: 7 }, inputs: { says: { exit_code: 0 } }, tables: {} });
  });

  withPython(
    'may be a Python program that reads a file, tells how far it is, and hands on a table',
    async () => {
      const rows = ['airport,delay', ...Array.from({ length: 40 }, (_, i) => `A${i},${i}`)];
      writeFileSync(join(tauro.files, 'flights.csv'), rows.join('\n'));
      const program = { command: ['python3', 'late_flights.py'], cwd: '.', table: true };
      const { run, tasks } = await ended(
        [
          {
            id: 'late',
            type: 'command',
            config: { ...program, input: { path: 'flights.csv', least: '{{ params.least }}' } },
          },
          {
            id: 'most',
            type: 'processor',
            config: { sql: 'select count(*) as n, max(delay) as most from late' },
          },
          sh('reads', 'head -c 4 "$(python3 -c \'import tauro; print(tauro.table_path("most"))\')"', {
            cwd: '.',
          }),
          { id: 'keep', type: 'sink', config: { destination: 'file', path: 'most.csv' } },
        ],
        { edges: [...chain('late', 'most', 'keep'), ...chain('most', 'reads')] },
        { params: { least: 30 } },
      );
      expect([run.state, run.error]).toEqual(['SUCCESS', null]);
      expect(tasks.late.output).toMatchObject({ rows: 10, value: { late: 10 }, exit_code: 0 });
      expect(readFileSync(join(tauro.files, 'most.csv'), 'utf8')).toBe('n,most\n10,39\n');
      expect(tasks.reads.output.stdout).toBe('PAR1');
      const messages = (await user.logs(run.id)).map(({ message }) => message);
      expect(messages).toContain('10 of 40 flights are late by 30 minutes or more');
    },
  );

  it('get secrets in their environment, which are found nowhere else', async () => {
    const value = `s-${randomBytes(9).toString('hex')}`;
    const name = User.uniqueName('token');
    expectStatus(await tauro.api.post('/api/v1/secrets', { name, value, project_id: null }), 201);
    const script =
      `echo "it is $TOKEN"; echo "$TOKEN" >&2; printf '{"type":"output","value":"%s"}\\n' "$TOKEN" >> "$TAURO_OUTPUT"; ` +
      `printf '{"type":"log","message":"%s"}\\n' "$TOKEN" >> "$TAURO_OUTPUT"; ` +
      '[ "$HOW" = well ] || { echo "bad $TOKEN" >&2; exit 1; }';
    const nodes = ['well', 'badly'].map((how) =>
      sh(how, script, { env: { TOKEN: `{{ secrets.${name} }}`, HOW: how } }),
    );
    const { run, tasks } = await ended(nodes);
    expect(tasks.well.output).toEqual({ exit_code: 0, stdout: 'it is ***', value: '***' });
    expect(tasks.badly.error).toEqual({
      type: 'CommandFailed',
      message: 'the command exited with code 1: bad ***',
    });
    const messages = (await user.logs(run.id)).map(({ message }) => message);
    expect(messages.filter((message) => message === '***')).toHaveLength(4);
    expect(await placesWith(tauro, [value, Buffer.from(value).toString('hex')])).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['config.command', {}, 'is required'],
    ['config.command', { command: 'echo hi' }, 'must be'],
    ['config.command', { command: [] }, 'needs at least'],
    ['config.command.0', { command: [['echo']] }, 'must be'],
    ['config.shell', { command: ['sh'], shell: true }, 'is an unknown key'],
    [
      'config.env.LD_PRELOAD',
      { command: ['sh'], env: { LD_PRELOAD: 'x.so' } },
      'would make programs load other code',
    ],
    ['config.env.PATH', { command: ['sh'], env: { PATH: '/x' } }, 'COMMANDS_ALLOWED'],
    ['config.env.TAURO_INPUT', { command: ['sh'], env: { TAURO_INPUT: '/x' } }, 'for what Tauro tells'],
    ['config.command.1', { command: ['sh', '{{ secrets.x }}'] }, 'secrets cannot be used here'],
    ['config.input.a', { command: ['sh'], input: { a: '{{ secrets.x }}' } }, 'secrets cannot be used here'],
    ['config.success_codes.0', { command: ['sh'], success_codes: [256] }, 'must be'],
    ['config.image', { image: '' }, 'must not be empty'],
    ['config.memory_mb', { command: ['sh'], memory_mb: 64 }, 'with an image only'],
    ['config.pull', { image: 'tool', pull: 'perhaps' }, 'must be one of'],
    ['config.network', { image: 'tool', network: 5 }, 'must be'],
    ['config.table', { command: ['sh'], table: false }, 'must be'],
  ])('are refused with a bad %s: %j', async (field, config, message) => {
    const body = {
      project_id: await user.project(),
      name: 'refused',
      nodes: [{ id: 'a', type: 'command', config }],
    };
    const { status, body: answer } = await tauro.api.post('/api/v1/pipelines', body);
    expect([status, answer.error?.details.map((one: any) => one.field)]).toEqual([422, [`nodes.0.${field}`]]);
    expect(answer.error.details[0].message).toContain(message);
  });

  it('are refused as the table of a sink unless they have one, and with for_each when they do', async () => {
    const sink = { id: 'b', type: 'sink', config: { destination: 'console' } };
    const check = async (config: object, rest: object, edges = chain('a', 'b')): Promise<string[]> => {
      const nodes = [{ id: 'a', type: 'command', config: { command: ['sh'], ...config }, ...rest }, sink];
      const { body } = await tauro.api.post('/api/v1/pipelines/validate', { name: 'p', nodes, edges });
      return [...body.data.errors].map((one: any) => one.field);
    };
    expect(await check({}, {})).toEqual(['nodes.1.depends_on']);
    expect(await check({ table: 'a.csv' }, {})).toEqual([]);
    expect(await check({ table: 'a.csv' }, { for_each: { items: [1] } })).toEqual(['nodes.0.config.table']);
  });

  it('that the worker may not run fail at once', async () => {
    const { tasks } = await ended([
      { id: 'other', type: 'command', config: { command: ['cat', '/etc/passwd'] }, allow_failure: true },
      { id: 'path', type: 'command', config: { command: ['/bin/sh', '-c', 'id'] }, allow_failure: true },
      sh('out', 'pwd', { cwd: '/etc' }, { allow_failure: true }),
    ]);
    for (const id of ['other', 'path']) {
      expect(tasks[id]).toMatchObject({ state: 'FAILED', attempt: 1, error: { type: 'CommandNotAllowed' } });
      expect(tasks[id].error.message).toContain('COMMANDS_ALLOWED: sh, python3, printf');
    }
    expect(tasks.out.error.type).toBe('PathNotAllowed');
  });

  it('that print without end fill neither the log nor the worker', async () => {
    const { run, tasks } = await ended([
      sh('flood', 'yes "a line of 40 characters, again and again" | head -c 100000000'),
    ]);
    expect(run.state).toBe('SUCCESS');
    const last = await user.logs(run.id, `&task_id=${tasks.flood.id}&level=WARNING`);
    expect(last.map(({ message }) => message)).toEqual([
      expect.stringContaining('more lines are dropped'),
      expect.stringMatching(/^\d{6,} log line\(s\) were dropped/),
    ]);
  });

  const busy = async (nodes: object[], seconds: string): Promise<string> => {
    const runId = await user.startNew(nodes);
    await waitFor(() => running(seconds) >= 5, { what: 'the command and what it starts' });
    return runId;
  };

  onLinux('leave no process when they are cancelled', async () => {
    const { script, seconds } = family();
    const runId = await busy([sh('long', script)], seconds);
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    expect(running(seconds)).toBe(0);
  });

  onLinux('leave no process when they take too long', async () => {
    const { script, seconds } = family();
    const runId = await busy([sh('long', script, {}, { timeout_seconds: 3 })], seconds);
    expect((await user.ended(runId)).error.type).toBe('Timeout');
    expect(running(seconds)).toBe(0);
  });

  onLinux('leave no process when their worker is killed, and run again elsewhere', async () => {
    const { script, seconds } = family();
    const runId = await busy(
      [sh('long', `[ -e again ] || { touch again; ${script}; }`, { cwd: '.' })],
      seconds,
    );
    await tauro.workers.at(-1)!.kill();
    await waitFor(() => running(seconds) === 0, { what: 'the command to be gone', timeout: 5000 });
    await tauro.addWorker();
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await user.tasks(runId)).long.output).toEqual({ exit_code: 0, stdout: '' });
  });
});

describe('commands without a word about them in the environment', () => {
  let tauro: Tauro;
  beforeAll(async () => {
    tauro = await Tauro.start();
  });
  afterAll(() => tauro?.stop());

  it('are not run, and creating them warns of that', async () => {
    const user = new User(tauro.api);
    const project = await user.project();
    const pipeline = await user.pipeline(project, [sh('a', 'touch made', { cwd: '.' })]);
    const contained = await user.pipeline(project, [sh('a', 'id', { image: 'tool' })]);
    expect([...pipeline.warnings, ...contained.warnings]).toEqual([
      expect.objectContaining({ field: 'nodes.0.config.command', type: 'commands_disabled' }),
      expect.objectContaining({ field: 'nodes.0.config.image', type: 'commands_disabled' }),
    ]);
    const { id, error } = await user.ended(await user.start(project, pipeline.id));
    expect(error).toMatchObject({
      type: 'CommandsDisabled',
      message: expect.stringContaining('COMMANDS_ENABLED'),
    });
    expect((await user.tasks(id)).a.attempt).toBe(1);
  });
});
