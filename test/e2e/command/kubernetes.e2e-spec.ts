import { readdirSync, readFileSync } from 'node:fs';
import { RecordedKubernetes } from '../../support/kubernetes.js';
import { chain, ONCE } from '../../support/nodes.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const sh = (id: string, script: string, config: object = {}, rest: object = {}): object => ({
  id,
  type: 'command',
  config: { executor: 'kubernetes', image: 'tool:1', command: ['sh', '-c', script], ...config },
  ...ONCE,
  ...rest,
});

/** A child of this process is one whose status says so. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const [, parent] = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
      return Number(parent) === pid ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

describe('commands as Kubernetes Jobs, with a recorded API server', () => {
  let cluster: RecordedKubernetes;
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    cluster = await RecordedKubernetes.start();
    tauro = await Tauro.start({
      env: {
        KUBERNETES_ENABLED: 'true',
        KUBERNETES_NAMESPACES: 'etl,batch',
        KUBECONFIG: cluster.kubeconfig,
        CONTAINER_IMAGES: 'tool:*',
        CONTAINER_MEMORY_MB: '64',
        LEASE_SECONDS: '5',
        HEARTBEAT_SECONDS: '1',
      },
    });
    user = new User(tauro.api);
  });
  afterAll(async () => {
    await tauro?.stop();
    cluster?.stop();
  });
  afterEach(() => {
    expect(tauro.logs()).not.toContain(cluster.token);
  });

  const ended = async (nodes: object[], ...rest: [object?, object?]): Promise<{ run: any; tasks: any }> => {
    const run = await user.ended(await user.startNew(nodes, ...rest));
    return { run, tasks: await user.tasks(run.id) };
  };
  const printed = (runId: string, line: string): Promise<unknown> =>
    waitFor(async () => (await user.logs(runId)).some(({ message }) => message.includes(line)), {
      what: `'${line}' to be printed`,
      timeout: 20_000,
    });
  const allGone = (): Promise<unknown> =>
    waitFor(() => cluster.jobs.size === 0, { what: 'the Job to be gone', timeout: 10_000 });

  it('get their variables and their input, print, and hand on a value', async () => {
    const script =
      'echo "$MINE"; echo trouble >&2; cat "$TAURO_INPUT"; ' +
      `echo '{"type":"output","value":{"late":3}}' >> "$TAURO_OUTPUT"`;
    const { run, tasks } = await ended(
      [
        { id: 'before', type: 'source', config: { source_type: 'inline', rows: [{ n: 1 }] } },
        sh(
          'job',
          script,
          { env: { MINE: '$(HOME) $$ x' }, input: { least: 5 }, memory_mb: 32, cpu: 0.5 },
          { timeout_seconds: 100 },
        ),
      ],
      { edges: chain('before', 'job') },
    );
    expect([run.error, run.state]).toEqual([null, 'SUCCESS']);
    const { stdout, value, exit_code } = tasks.job.output;
    expect([exit_code, value]).toEqual([0, { late: 3 }]);
    const lines = stdout.split('\n');
    expect(lines).toEqual(expect.arrayContaining(['$(HOME) $$ x', 'trouble']));
    const input = JSON.parse(lines.find((line: string) => line.startsWith('{')));
    expect(input).toMatchObject({
      node_id: 'job',
      input: { least: 5 },
      inputs: { before: { rows: 1 } },
      tables: {},
    });
    expect((await user.logs(run.id)).map(({ message }) => message)).toContain('trouble');
    await allGone();

    const [posted] = cluster.posted;
    expect(posted).toMatchObject({
      metadata: {
        name: `tauro-${tasks.job.id.slice(5).toLowerCase()}`,
        labels: { 'tauro.task': tasks.job.id, 'tauro.deployment': tauro.env.QUEUE_PREFIX },
      },
      spec: {
        backoffLimit: 0,
        ttlSecondsAfterFinished: 600,
        template: { spec: { restartPolicy: 'Never', automountServiceAccountToken: false } },
      },
    });
    expect(posted!.spec!.activeDeadlineSeconds).toBe(160);
    expect(posted!.spec!.template.spec!.containers[0]).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      resources: { limits: { cpu: '0.5', memory: '32Mi' } },
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
  });

  it('fail by their exit code, and for what they may not have', async () => {
    const failing = { allow_failure: true };
    const { tasks } = await ended([
      sh('code', 'echo no such table >&2; exit 3', {}, failing),
      sh('image', 'true', { image: 'tool:none' }, failing),
      sh('other', 'true', { image: 'docker.io/library/alpine' }, failing),
      sh('namespace', 'true', { namespace: 'kube-system' }, failing),
      sh('program', 'true', { command: ['/bin/none'] }, failing),
      sh('output', `echo nonsense >> "$TAURO_OUTPUT"`, {}, failing),
      { id: 'engine', type: 'command', config: { image: 'tool:1' }, ...failing },
    ]);
    const errors = Object.fromEntries(Object.entries<any>(tasks).map(([id, { error }]) => [id, error]));
    expect(errors.code).toEqual({
      type: 'CommandFailed',
      message: 'the command exited with code 3: no such table',
    });
    expect(errors.image).toEqual({
      type: 'ImageNotFound',
      message: expect.stringMatching(/^the image 'tool:none' cannot be had: Back-off pulling image/),
    });
    expect(errors.other.message).toContain('CONTAINER_IMAGES: tool:*');
    expect(errors.namespace.message).toContain('KUBERNETES_NAMESPACES: etl, batch');
    expect(errors.program).toEqual({
      type: 'CommandFailed',
      message: expect.stringContaining('/bin/none'),
    });
    expect(errors.output.type).toBe('InvalidOutput');
    expect(errors.engine.type).toBe('CommandsDisabled');
    await allGone();
  });

  it('are refused when they ask for what is not there', async () => {
    const project = await user.project();
    const nodes = [sh('a', 'true', { cwd: '.', table: 'x.csv', network: 'bridge' })];
    const { status, body } = await tauro.api.post('/api/v1/pipelines', {
      project_id: project,
      name: 'p',
      nodes,
    });
    expect(status).toBe(422);
    expect(body.error.details.map(({ field }: any) => field).sort()).toEqual([
      'nodes.0.config.cwd',
      'nodes.0.config.network',
      'nodes.0.config.table',
    ]);
    expect((await user.pipeline(project, [sh('a', 'true')])).warnings).toEqual([]);
  });

  it('lose no line and print none twice when the stream of their log breaks', async () => {
    const script = 'for i in 1 2 3 4 5 6; do echo line $i; sleep 0.4; done';
    const runId = await user.startNew([sh('long', script)]);
    await printed(runId, 'line 2');
    cluster.cutLogs();
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const lines = (await user.logs(runId))
      .map(({ message }) => message)
      .filter((text) => text.startsWith('line'));
    expect(lines).toEqual([1, 2, 3, 4, 5, 6].map((i) => `line ${i}`));
  });

  it('are deleted with their pods when they are cancelled, and when they take too long', async () => {
    const stubborn = `trap '' TERM; echo ready; while :; do sleep 0.2; done`;
    const runId = await user.startNew([sh('long', stubborn)]);
    await printed(runId, 'ready');
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    await allGone();
    expect(cluster.running).toEqual([]);
    const { run } = await ended([sh('late', 'sleep 3600', {}, { timeout_seconds: 2 })]);
    expect(run.error.type).toBe('Timeout');
    await allGone();
    expect(cluster.running).toEqual([]);
  });

  it('fail in words when the cluster does not know the worker, lets it do nothing, or is away', async () => {
    const failure = async (): Promise<any> => (await ended([sh('a', 'true')])).run.error;
    cluster.knowsToken = false;
    expect(await failure()).toMatchObject({
      type: 'KubernetesCluster',
      message: expect.stringMatching(/does not accept the credentials of this worker \(KUBECONFIG\)/),
    });
    cluster.knowsToken = true;
    cluster.forbidden = ['create jobs'];
    expect(await failure()).toMatchObject({
      type: 'KubernetesCluster',
      message: expect.stringContaining(
        'cannot create resource "jobs" in API group "batch" in the namespace "etl"',
      ),
    });
    cluster.forbidden = [];
    const back = await cluster.away();
    expect(await failure()).toMatchObject({
      type: 'KubernetesCluster',
      message: expect.stringMatching(/cannot be reached \(KUBECONFIG\).*ECONNREFUSED/),
    });
    await back();
  });

  it('outlast a cluster that is away for a moment', async () => {
    const runId = await user.startNew([sh('long', 'echo ready; sleep 3; echo done')]);
    await printed(runId, 'ready');
    const back = await cluster.away();
    await waitFor(async () =>
      (await user.logs(runId)).some(({ message }) => message.includes('trying again')),
    );
    await back();
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await user.tasks(runId)).long.output).toEqual({ exit_code: 0, stdout: 'ready\ndone' });
    await allGone();
  });

  it('never run twice at once, whoever was killed', async () => {
    const runId = await user.startNew([
      sh('long', 'echo ready; sleep 3600', {}, { retry_policy: { max_attempts: 2 } }),
    ]);
    await printed(runId, 'ready');
    const worker = tauro.workers.at(-1)!;
    // The one beside the Job as well, or it would delete it.
    for (const pid of childrenOf(worker.pid!)) process.kill(pid, 'SIGSTOP');
    const beside = childrenOf(worker.pid!);
    await worker.kill();
    for (const pid of beside) process.kill(pid, 'SIGKILL');
    const [first] = cluster.running;
    const posted = cluster.posted.length;
    await tauro.addWorker();
    await waitFor(() => cluster.posted.length > posted, { what: 'the next attempt', timeout: 30_000 });
    expect(first!.running).toBe(false);
    await waitFor(() => cluster.running.length === 1);
    expect(cluster.mostAtOnce).toBe(1);
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    await allGone();
  });

  it('are deleted when their worker is killed alone, and when nobody owns them', async () => {
    const runId = await user.startNew([sh('long', 'echo ready; sleep 3600')]);
    await printed(runId, 'ready');
    await tauro.workers.at(-1)!.kill();
    await allGone();
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);

    const labels = {
      'tauro.deployment': tauro.env.QUEUE_PREFIX,
      'tauro.task': 'task_gone',
      'tauro.claim': 'gone',
    };
    cluster.abandon(labels);
    await tauro.addWorker();
    await allGone();
  });
});
