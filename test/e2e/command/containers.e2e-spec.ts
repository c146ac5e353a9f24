import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { ContainerEngine, IMAGE } from '../../support/container-engine.js';
import { chain, ONCE } from '../../support/nodes.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const missing = ContainerEngine.missing();
if (missing) console.error(`SKIPPED: containers are not tested against a real engine: ${missing}`);

const sh = (id: string, script: string, config: object = {}, rest: object = {}): object => ({
  id,
  type: 'command',
  config: { image: IMAGE, pull: 'never', command: ['/bin/sh', '-c', script], ...config },
  ...ONCE,
  ...rest,
});

(missing ? describe.skip : describe)('commands in containers', () => {
  let engine: ContainerEngine;
  let docker: Docker;
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    engine = await ContainerEngine.start();
    docker = new Docker({ socketPath: engine.host.replace('unix://', '') });
    tauro = await Tauro.start({
      env: {
        CONTAINERS_ENABLED: 'true',
        CONTAINER_IMAGES: 'localhost/tauro-test:*',
        CONTAINER_MEMORY_MB: '64',
        DOCKER_HOST: engine.host,
        LEASE_SECONDS: '5',
        HEARTBEAT_SECONDS: '1',
      },
    });
    user = new User(tauro.api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await engine?.stop();
  });

  const left = async (): Promise<number> => (await docker.listContainers({ all: true })).length;
  const ended = async (nodes: object[], ...rest: [object?, object?]): Promise<{ run: any; tasks: any }> => {
    const run = await user.ended(await user.startNew(nodes, ...rest));
    return { run, tasks: await user.tasks(run.id) };
  };

  it('read tables, print, and hand on a table of their own', async () => {
    const rows = [
      { city: 'Oslo', n: 1 },
      { city: 'Bergen', n: 2 },
    ];
    writeFileSync(
      join(tauro.files, 'script.sh'),
      'printf "a,b\\n1,2\\n" > made.csv; echo trouble >&2; pwd; ls /work',
    );
    const { run, tasks } = await ended(
      [
        { id: 'rows', type: 'source', config: { source_type: 'inline', rows } },
        sh(
          'reads',
          'head -c 4 /tables/rows.parquet; cat "$TAURO_INPUT" >&2; touch /tables/rows.parquet || exit 0; exit 9',
        ),
        sh('makes', '. ./script.sh', { cwd: '.', table: 'made.csv' }),
        { id: 'sums', type: 'processor', config: { sql: 'select a + b as s from makes' } },
        { id: 'keep', type: 'sink', config: { destination: 'console' } },
      ],
      { edges: [...chain('rows', 'reads'), ...chain('makes', 'sums', 'keep')] },
    );
    expect([run.error, run.state]).toEqual([null, 'SUCCESS']);
    expect(tasks.reads.output).toEqual({ exit_code: 0, stdout: 'PAR1' });
    expect(tasks.makes.output).toMatchObject({ rows: 1, stdout: '/work\nmade.csv\nscript.sh' });
    const messages = (await user.logs(run.id)).map(({ message }) => message);
    expect(messages).toContain('trouble');
    expect(messages.find((message) => message.startsWith('{"run"'))).toContain('/tables/rows.parquet');
    expect(await left()).toBe(0);
  });

  it('have no privileges, no network, and no root to write to', async () => {
    const script =
      'cat /proc/self/status | while read name value; do case $name in CapEff:|NoNewPrivs:) echo $name $value;; esac; done; ' +
      'ls /sys/class/net; (echo x > /etc/made) 2>/dev/null || echo no; echo x > /tmp/made && echo $MINE $HOME';
    const { tasks } = await ended([sh('looks', script, { env: { MINE: 'mine' } })]);
    expect(tasks.looks.output.stdout.split('\n').sort()).toEqual(
      ['CapEff: 0000000000000000', 'NoNewPrivs: 1', 'lo', 'no', 'mine /tauro'].sort(),
    );
  });

  it('are created without a warning, for there is a worker that runs them', async () => {
    const pipeline = await user.pipeline(await user.project(), [sh('a', 'true')]);
    expect(pipeline.warnings).toEqual([]);
  });

  it('fail by their exit code, for want of memory, and for what does not exist', async () => {
    const failing = { allow_failure: true };
    const { tasks } = await ended([
      sh('code', 'echo no such table >&2; exit 3', {}, failing),
      sh('memory', 'x=$(yes | head -c 200000000); echo ${#x}', { memory_mb: 16 }, failing),
      sh('image', 'true', { image: 'localhost/tauro-test:none' }, failing),
      sh('other', 'true', { image: 'docker.io/library/alpine' }, failing),
      sh('network', 'true', { network: 'bridge' }, failing),
      sh('greedy', 'true', { memory_mb: 65 }, failing),
      sh('program', 'true', { command: ['/bin/none'] }, failing),
      { id: 'host', type: 'command', config: { command: ['sh'] }, allow_failure: true },
    ]);
    const errors = Object.fromEntries(Object.entries<any>(tasks).map(([id, { error }]) => [id, error]));
    expect(errors.code).toEqual({
      type: 'CommandFailed',
      message: 'the command exited with code 3: no such table',
    });
    expect(errors.memory.message).toMatch(/16 MB|code 137/);
    expect(errors.image.type).toBe('ImageNotFound');
    expect(errors.other).toMatchObject({
      type: 'CommandNotAllowed',
      message: expect.stringContaining('CONTAINER_IMAGES'),
    });
    expect(errors.network.message).toContain('CONTAINER_NETWORKS: none');
    expect(errors.greedy.message).toContain('CONTAINER_MEMORY_MB');
    expect(errors.program.message).toContain('/bin/none');
    expect(errors.host.type).toBe('CommandsDisabled');
    expect(await left()).toBe(0);
  });

  it('are removed when they are cancelled', async () => {
    const runId = await user.startNew([sh('long', `trap '' TERM; echo ready; while :; do sleep 1; done`)]);
    await waitFor(async () => (await user.logs(runId)).some(({ message }) => message === 'ready'));
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    await waitFor(async () => (await left()) === 0, { what: 'the container to be gone', timeout: 10_000 });
  });

  it('are removed when their worker is killed, and run again elsewhere', async () => {
    const script = `[ -e again ] || { touch again; echo ready; sleep 3600; }; echo done`;
    const runId = await user.startNew([sh('long', script, { cwd: '.' })]);
    await waitFor(async () => (await user.logs(runId)).some(({ message }) => message === 'ready'));
    await tauro.workers.at(-1)!.kill();
    await waitFor(async () => (await left()) === 0, { what: 'the container to be gone', timeout: 10_000 });
    await tauro.addWorker();
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });

  it('that nobody owns are removed', async () => {
    const abandoned = await docker.createContainer({
      Image: IMAGE,
      Cmd: ['/bin/sleep', '3600'],
      Labels: {
        'tauro.deployment': tauro.env.QUEUE_PREFIX,
        'tauro.task': 'task_gone',
        'tauro.claim': 'gone',
      },
    });
    await abandoned.start();
    await tauro.addWorker();
    await waitFor(async () => (await left()) === 0, { what: 'it to be removed', timeout: 60_000 });
  });
});
