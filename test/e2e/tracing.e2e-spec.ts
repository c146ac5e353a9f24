import { randomBytes } from 'node:crypto';
import { OtlpReceiver, type Span } from '../support/otlp-receiver.js';
import { WebhookReceiver } from '../support/receivers.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const newTrace = (): string => randomBytes(16).toString('hex');
const CALLER = '00f067aa0ba902b7';

describe('a trace', () => {
  let tauro: Tauro;
  let user: User;
  let collector: OtlpReceiver;
  let called: WebhookReceiver;

  beforeAll(async () => {
    collector = await OtlpReceiver.start();
    called = await WebhookReceiver.start();
    tauro = await Tauro.start({
      env: {
        LOG_LEVEL: 'DEBUG',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=some%20body',
      },
    });
    user = new User(tauro.api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await collector?.stop();
    await called?.stop();
  });

  const spansOf = (traceId: string, names: string[]): Promise<Record<string, Span>> =>
    waitFor(
      () => {
        const spans = Object.fromEntries(collector.spans(traceId).map((span) => [span.name, span]));
        const missing = names.filter((name) => !spans[name]);
        if (missing.length > 0)
          throw new Error(`there are ${Object.keys(spans).join(', ')}; no ${missing.join(', ')}`);
        return spans;
      },
      { what: `the spans of ${traceId}`, timeout: 30_000 },
    );
  const call = (path: string, rest: object = {}): object => ({
    id: 'call',
    type: 'http',
    config: { url: `${called.url}${path}` },
    ...rest,
  });
  const traceparentAt = (path: string): string =>
    String(called.calls.find((one) => one.path === path)?.headers.traceparent);
  const start = async (nodes: object[], traceparent?: string, project: object = {}): Promise<string> => {
    const project_id = await user.project(project);
    const pipeline = await user.pipeline(project_id, nodes, { name: User.uniqueName('traced') });
    const body = { project_id, pipeline_id: pipeline.id, start: true };
    const answer = await tauro.api.post('/api/v1/runs', body, traceparent ? { traceparent } : {});
    return expectStatus(answer, 201).id as string;
  };

  it('goes from a request through the run and its tasks to whom they call', async () => {
    const traceId = newTrace();
    const runId = await start(
      [
        call('/called'),
        { id: 'hand', type: 'task', config: { handler: 'traced' }, depends_on: ['call'] },
        { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }] } },
      ],
      `00-${traceId}-${CALLER}-01`,
      { notifications: { on_success: true, webhook: { url: `${called.url}/webhook` } } },
    );
    const run = await user.ended(runId);
    expect(run.state).toBe('SUCCESS');
    const ended = `run ${run.pipeline_name}`;
    const spans = await spansOf(traceId, [
      'POST /api/v1/runs',
      ended,
      'task call',
      'node http',
      'GET',
      'task hand',
      'node task',
      'task rows',
      'node source',
      'webhook run.success',
    ]);

    const below = (child: string, parent: string): void =>
      expect([child, spans[child]!.parentSpanId]).toEqual([child, spans[parent]!.spanId]);
    expect(spans['POST /api/v1/runs']).toMatchObject({ service: 'tauro-api', parentSpanId: CALLER });
    below(ended, 'POST /api/v1/runs');
    for (const task of ['task call', 'task hand', 'task rows', 'webhook run.success']) below(task, ended);
    below('node http', 'task call');
    below('GET', 'node http');
    expect(spans['task call']).toMatchObject({
      service: 'tauro-worker',
      attributes: { 'tauro.run.id': runId, 'tauro.node.id': 'call', 'tauro.task.outcome': 'success' },
    });
    expect(spans['POST /api/v1/runs']!.attributes).toMatchObject({
      'http.response.status_code': 201,
      'tauro.run.id': runId,
    });

    expect(traceparentAt('/called')).toBe(`00-${traceId}-${spans['GET']!.spanId}-01`);
    expect(traceparentAt('/webhook')).toBe(`00-${traceId}-${spans['webhook run.success']!.spanId}-01`);
    const { hand } = await user.tasks(runId);
    expect(hand.output).toEqual({ traceparent: `00-${traceId}-${spans['node task']!.spanId}-01` });
    expect(collector.headers.every((headers) => headers['x-tenant'] === 'some body')).toBe(true);

    const lines = [tauro.apiProcess(), ...tauro.workers].map((one) =>
      one
        .logs()
        .split('\n')
        .filter((line) => line.includes(traceId))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    const subject = { run_id: runId, project_id: run.project_id, trace_id: traceId };
    expect(lines[0]).toContainEqual(
      expect.objectContaining({ message: 'POST /api/v1/runs 201', request_id: run.request_id, ...subject }),
    );
    expect(lines[1]).toContainEqual(
      expect.objectContaining({ message: 'attempt 1: success', task_id: hand.id, ...subject }),
    );
  });

  it('begins with the run when nothing else began one, and goes on into the runs it makes', async () => {
    const child = await user.pipeline(await user.project(), [call('/from-below')]);
    const project = child.project_id as string;
    const nodes = [{ id: 'sub', type: 'pipeline', config: { pipeline_id: child.id } }];
    const { id: pipeline_id, name } = await user.pipeline(project, nodes);
    const schedule = { project_id: project, pipeline_id, kind: 'INTERVAL', expression: '1s' };
    expectStatus(await tauro.api.post('/api/v1/schedules', schedule), 201);
    await waitFor(() => traceparentAt('/from-below') !== 'undefined', { what: 'the call' });
    const [, traceId] = traceparentAt('/from-below').split('-');
    const spans = await spansOf(traceId!, [
      `run ${name}`,
      'task sub',
      `run ${child.name}`,
      'task call',
      'GET',
    ]);
    expect(spans[`run ${name}`]!.parentSpanId).toBe('');
    expect(spans[`run ${child.name}`]!.parentSpanId).toBe(spans[`run ${name}`]!.spanId);
    expect(spans['task call']!.parentSpanId).toBe(spans[`run ${child.name}`]!.spanId);
  });

  it('that its caller does not sample is handed on and not exported', async () => {
    const [quiet, failing] = [newTrace(), newTrace()];
    await user.ended(await start([call('/unsampled')], `00-${quiet}-${CALLER}-00`));
    expect(traceparentAt('/unsampled')).toMatch(new RegExp(`^00-${quiet}-[0-9a-f]{16}-00$`));
    const nodes = [call('/teapot', { config: { url: `${called.url}/teapot`, expected_status: [418] } })];
    const failed = await user.ended(await start(nodes, `00-${failing}-${CALLER}-01`));
    const spans = await spansOf(failing, ['task call', `run ${failed.pipeline_name}`]);
    expect(spans['task call']).toMatchObject({ failed: true });
    expect(spans['task call']!.attributes['error.type']).toBe(failed.error.type);
    // What came before it was exported with it, or not at all.
    expect(collector.spans(quiet)).toEqual([]);
  });

  it('is that of the request which created the run, whoever starts it, however late, and executes it', async () => {
    const traceId = newTrace();
    const [project_id, first] = [await user.project(), tauro.workers[0]!];
    const { id: pipeline_id } = await user.pipeline(project_id, [call('/late')]);
    const headers = { traceparent: `00-${traceId}-${CALLER}-01` };
    const created = await tauro.api.post('/api/v1/runs', { project_id, pipeline_id }, headers);
    const { id: runId } = expectStatus(created, 201);
    await first.stop();
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/start`), 202);
    await tauro.addWorker();
    await user.ended(runId);
    const spans = await spansOf(traceId, ['POST /api/v1/runs', 'task call', 'GET']);
    expect(Object.keys(spans)).not.toContain('POST /api/v1/runs/{run_id}/start');
    expect(traceparentAt('/late')).toBe(`00-${traceId}-${spans['GET']!.spanId}-01`);
    const [{ worker_id }] = (await user.tasks(runId)).call.attempts;
    expect(spans['task call']!.attributes['tauro.worker.id']).toBe(worker_id);
  });
});
