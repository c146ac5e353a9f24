import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient } from '../support/api-client.js';
import { Cable } from '../support/cable.js';
import { codeBlocks } from '../support/markdown.js';
import { noop, ONCE, task } from '../support/nodes.js';
import { ROOT, ServerProcess } from '../support/server-process.js';
import { runProgram } from '../support/shell.js';
import { freePort, Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const SECRET = 'the-secret-of-this-trigger';

describe('triggers', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;

  beforeAll(async () => {
    tauro = await Tauro.start({
      exampleData: true,
      env: { SECRET_KEY: 'a secret key of this test', RECONCILE_SECONDS: '0.5' },
    });
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.stop());

  const pipeline = (nodes: object[] = [noop('only')], rest: object = {}) =>
    user.pipeline(project, nodes, rest);
  const post = (path: string, body?: object) => tauro.api.post(`/api/v1/triggers${path}`, body);
  const create = async (fields: object): Promise<any> =>
    expectStatus(await post('', { project_id: project, ...fields }), 201);
  const eventsOf = async (id: string, query = ''): Promise<any[]> =>
    expectStatus(await tauro.api.get(`/api/v1/triggers/${id}/events?limit=100${query}`), 200);
  const runsOf = async (id: string): Promise<any[]> =>
    expectStatus(await tauro.api.get(`/api/v1/runs?trigger_id=${id}&limit=100&sort=created_at`), 200);
  const started = (id: string, count = 1): Promise<any[]> =>
    waitFor(
      async () => {
        const runs = await runsOf(id);
        return runs.length === count && runs.every(({ state }) => state === 'SUCCESS') ? runs : undefined;
      },
      { what: `${count} runs of ${id}` },
    );
  const put = (id: string, body: object, headers?: Record<string, string>) =>
    tauro.api.put(`/api/v1/triggers/${id}`, body, headers);

  describe('of the kind PIPELINE', () => {
    it('start a pipeline after another has succeeded, with what that one hands on', async () => {
      const first = await pipeline([task('give', 'give', { value: { rows: '{{ params.rows }}' } })], {
        params_schema: { type: 'object', properties: { rows: { type: 'integer' } } },
        outputs: { rows: '{{ nodes.give.output.rows }}' },
      });
      const second = await pipeline();
      const trigger = await create({
        kind: 'PIPELINE',
        pipeline_id: second.name,
        after: first.name,
        params: { rows: '{{ run.outputs.rows }}', from: '{{ run.pipeline_name }}', fixed: true },
        tags: { team: 'a' },
      });
      expect(trigger).toMatchObject({
        id: expect.stringMatching(/^trg_/),
        pipeline_id: second.id,
        pipeline_name: second.name,
        after: [first.id],
        after_names: [first.name],
        on: 'success',
        enabled: true,
        token: null,
        path: null,
        secret: null,
        has_secret: false,
        rate_limit: null,
      });
      const run = await user.start(project, first.id, { params: { rows: 7 } });
      const [made] = await started(trigger.id);
      expect(made).toMatchObject({
        pipeline_id: second.id,
        params: { rows: 7, from: first.name, fixed: true },
        tags: { team: 'a', triggered_by: 'trigger' },
        trigger_id: trigger.id,
        triggered_by_run_id: run,
      });
      const follower = `/api/v1/runs?triggered_by_run_id=${run}`;
      expect((await tauro.api.get(follower)).body.data).toMatchObject([{ id: made.id }]);
      expect(await eventsOf(trigger.id)).toMatchObject([
        { state: 'STARTED', key: run, run_id: made.id, source_run_id: run, source_pipeline_id: first.id },
      ]);
    });

    it('go on as a chain, and not after a failure', async () => {
      const [a, b, c] = [await pipeline(), await pipeline(), await pipeline()];
      const fails = await pipeline([task('bad', 'fail', { message: 'on purpose' }, ONCE)]);
      const ofB = await create({ kind: 'PIPELINE', pipeline_id: b.id, after: a.id });
      const ofC = await create({ kind: 'PIPELINE', pipeline_id: c.id, after: b.id });
      const never = await create({ kind: 'PIPELINE', pipeline_id: c.id, after: fails.id });
      const alarm = await create({
        kind: 'PIPELINE',
        pipeline_id: c.id,
        after: [fails.id],
        on: 'failure',
        params: { why: '{{ run.error.message }}' },
      });
      await user.ended(await user.start(project, fails.id));
      await user.start(project, a.id);
      const [last] = await started(ofC.id);
      expect(last.triggered_by_run_id).toBe((await started(ofB.id))[0].id);
      expect((await started(alarm.id))[0].params.why).toContain('on purpose');
      expect(await eventsOf(never.id)).toEqual([]);
    });

    it('wait for discovered pipelines, in their own project', async () => {
      const own = await user.project();
      const target = await user.pipeline(own, [noop('only')]);
      const body = { project_id: own, kind: 'PIPELINE', pipeline_id: target.id, after: 'fan_out' };
      const { id } = expectStatus(await post('', body), 201);
      await user.ended(await user.start(project, 'fan_out'));
      const run = await user.start(own, 'fan_out');
      expect((await started(id))[0].triggered_by_run_id).toBe(run);
      expect((await eventsOf(id)).map(({ key }) => key)).toEqual([run]);
    });

    it('after several start once each of them has succeeded', async () => {
      const [a, b, target] = [await pipeline(), await pipeline(), await pipeline()];
      const trigger = await create({
        kind: 'PIPELINE',
        pipeline_id: target.id,
        after: [a.name, b.name, a.id],
      });
      expect(trigger.after).toEqual([a.id, b.id]);
      await user.start(project, a.id);
      await waitFor(async () => (await eventsOf(trigger.id, '&state=WAITING')).length === 1);
      expect(await runsOf(trigger.id)).toEqual([]);
      const last = await user.start(project, b.id);
      expect((await started(trigger.id))[0].triggered_by_run_id).toBe(last);
      // What waits is forgotten when the trigger is about something else.
      await user.start(project, a.id);
      await waitFor(async () => (await eventsOf(trigger.id, '&state=WAITING')).length === 1);
      expectStatus(await put(trigger.id, { enabled: false }), 200);
      expectStatus(await put(trigger.id, { enabled: true }), 200);
      expect(await eventsOf(trigger.id, '&state=SKIPPED')).toMatchObject([
        { reason: 'its trigger was changed' },
      ]);
    });

    it('start every run that is due when workers are killed on the way', async () => {
      const [a, b] = [await pipeline(), await pipeline()];
      const trigger = await create({ kind: 'PIPELINE', pipeline_id: b.id, after: a.id });
      const runs: string[] = [];
      for (let i = 0; i < 20; i++) {
        runs.push(await user.start(project, a.id));
        if (i % 7 !== 6) continue;
        await tauro.workers.at(-1)!.kill();
        await tauro.addWorker();
      }
      const made = await started(trigger.id, runs.length);
      expect(made.map((run) => run.triggered_by_run_id).sort()).toEqual([...runs].sort());
    });

    it('are refused in a circle, which is named, at creation and at a change', async () => {
      const [a, b, c] = [await pipeline(), await pipeline(), await pipeline()];
      await create({ kind: 'PIPELINE', pipeline_id: b.id, after: a.id });
      const second = await create({ kind: 'PIPELINE', pipeline_id: c.id, after: b.id, enabled: false });
      const circle = { kind: 'PIPELINE', project_id: project, pipeline_id: a.id, after: c.id };
      const refused = await post('', circle);
      expect(refused.status).toBe(422);
      expect(refused.body.error.details).toEqual([
        {
          field: 'after',
          message: `would start runs in a circle: ${[a, b, c, a].map(({ name }) => name).join(' -> ')}`,
          type: 'cycle',
        },
      ]);
      expect((await put(second.id, { pipeline_id: a.id })).body.error.details[0].type).toBe('cycle');
      const self = await post('', { ...circle, after: a.id });
      expect(self.body.error.message).toContain(`${a.name} -> ${a.name}`);
    });

    it('are refused with every field named that makes no sense', async () => {
      const { id: pipeline_id } = await pipeline();
      const other = await pipeline([noop('only')], {
        params_schema: { type: 'object', properties: { n: { type: 'integer' } } },
      });
      const faults = async (fields: object): Promise<string[]> => {
        const { status, body } = await post('', {
          project_id: project,
          pipeline_id,
          kind: 'PIPELINE',
          ...fields,
        });
        expect([fields, status]).toEqual([fields, 422]);
        return body.error.details.map(({ field }: any) => field);
      };
      expect(await faults({})).toEqual(['after']);
      expect(await faults({ after: [] })).toEqual(['after']);
      expect(await faults({ after: Array.from({ length: 21 }, (_, i) => `p${i}`) })).toEqual(['after']);
      expect(await faults({ after: { $ne: null } })).toEqual(['after']);
      expect(await faults({ after: other.id, on: 'cancel', kind: 'DATASET' })).toEqual(['kind', 'on']);
      expect(
        await faults({ after: other.id, secret: SECRET, rate_limit: { calls: 1, per_seconds: 1 } }),
      ).toEqual(['rate_limit', 'secret']);
      expect(await faults({ after: other.id, params: { a: '{{ body.x }}', b: ['{{ run.'] } })).toEqual([
        'params.a',
        'params.b.0',
      ]);
      expect(await faults({ pipeline_id: other.id, after: pipeline_id, params: { n: 'x' } })).toEqual([
        'params.n',
      ]);
      expect(await faults({ kind: 'WEBHOOK', after: other.id })).toEqual(['after']);
      const absent = await post('', { project_id: project, pipeline_id, kind: 'PIPELINE', after: 'nobody' });
      expect([absent.status, absent.body.error.message]).toEqual([404, "pipeline 'nobody' was not found"]);
    });

    it('keep their pipelines and their project from being deleted while they are enabled', async () => {
      const own = await user.project();
      const [a, b] = [await user.pipeline(own, [noop('x')]), await user.pipeline(own, [noop('x')])];
      const body = { project_id: own, kind: 'PIPELINE', pipeline_id: b.id, after: a.id };
      const { id } = expectStatus(await post('', body), 201);
      for (const path of [`pipelines/${a.id}`, `pipelines/${b.id}`, `projects/${own}`]) {
        const refused = await tauro.api.delete(`/api/v1/${path}`);
        expect([path, refused.status]).toEqual([path, 409]);
        expect(refused.body.error.message).toContain(id);
      }
      expectStatus(await put(id, { enabled: false }), 200);
      expect((await tauro.api.delete(`/api/v1/pipelines/${b.id}`)).status).toBe(200);
      expectStatus(await put(id, { enabled: true }), 200);
      expect((await tauro.api.delete(`/api/v1/projects/${own}?force=true`)).status).toBe(200);
      expect((await tauro.api.get(`/api/v1/triggers/${id}`)).status).toBe(404);
    });

    it('are changed only by whoever has seen the last change', async () => {
      const [a, b] = [await pipeline(), await pipeline()];
      const { id } = await create({ kind: 'PIPELINE', pipeline_id: b.id, after: a.id });
      const seen = await tauro.api.get(`/api/v1/triggers/${id}`);
      expect(seen.headers.get('etag')).toBe('"1"');
      expect(seen.body.data).not.toHaveProperty('token');
      expectStatus(await put(id, { description: 'x' }, { 'if-match': '"1"' }), 200);
      expect((await put(id, { description: 'y' }, { 'if-match': '"1"' })).status).toBe(412);
      const many = Array.from({ length: 5 }, (_, i) => put(id, { tags: { n: String(i) } }));
      for (const one of await Promise.all(many)) expectStatus(one, 200);
      const last = (await tauro.api.get(`/api/v1/triggers?pipeline_id=${b.name}&kind=PIPELINE&enabled=true`))
        .body;
      expect(last.data).toMatchObject([{ id, description: 'x', revision: 7 }]);
      expect((await post(`/${id}/rotate`)).status).toBe(409);
    });
  });

  it('do what docs/triggers.md types', async () => {
    const blocks = codeBlocks(readFileSync(join(ROOT, 'docs/triggers.md'), 'utf8')).filter(
      ({ language }) => language === 'bash',
    );
    expect(blocks).toHaveLength(2);
    const script = blocks.map(({ code }) => code).join('\n');
    const { code, stdout, stderr } = await runProgram(
      ['bash', '-euo', 'pipefail'],
      script.replaceAll('http://localhost:8000', tauro.url),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(stdout).toContain('"params":{"day":"monday"},"tags":{"triggered_by":"trigger"}');
    const answer = JSON.parse(stdout.slice(stdout.lastIndexOf('{')));
    expect(answer).toMatchObject({ repeated: false });
    expect((await user.ended(answer.run_id)).params).toEqual({ order: 4711 });
  });

  describe('of the kind WEBHOOK', () => {
    let target: any;
    beforeAll(async () => {
      target = await pipeline();
    });
    const hook = (fields: object = {}) => create({ kind: 'WEBHOOK', pipeline_id: target.id, ...fields });
    const hmac = (text: string, secret = SECRET): string =>
      createHmac('sha256', secret).update(text).digest('hex');
    const signed = (body: string, secret = SECRET, timestamp = Math.floor(Date.now() / 1000)) => ({
      'x-tauro-timestamp': String(timestamp),
      'x-tauro-signature': `v1=${hmac(`${timestamp}.${body}`, secret)}`,
    });
    const call = (path: string, body?: unknown, headers?: Record<string, string>) =>
      tauro.api.post(path, body, headers);

    it('start a run for a call, with the fields of the body as params', async () => {
      const trigger = await hook({ params: { a: 1, b: 1, agent: '{{ headers.x-github-event }}' } });
      expect(trigger).toMatchObject({
        token: expect.stringMatching(/^[\w-]{43}$/),
        path: `/api/v1/hooks/${trigger.token}`,
        rate_limit: { calls: 60, per_seconds: 60 },
        after: null,
        on: null,
      });
      const headers = { 'x-github-event': 'push' };
      const answer = await call(trigger.path, { b: 2, order: { id: 5 } }, headers);
      const { run_id, event_id, repeated } = expectStatus(answer, 202);
      expect(repeated).toBe(false);
      expect(await user.ended(run_id)).toMatchObject({
        state: 'SUCCESS',
        pipeline_id: target.id,
        params: { a: 1, b: 2, order: { id: 5 }, agent: 'push' },
        tags: { triggered_by: 'trigger' },
        trigger_id: trigger.id,
        triggered_by_run_id: null,
        request_id: answer.body.meta.request_id,
      });
      expect(await eventsOf(trigger.id)).toMatchObject([{ id: event_id, run_id, state: 'STARTED' }]);
      const short = expectStatus(await call(`/hooks/${trigger.token}`, undefined, headers), 202);
      expect(short).toMatchObject({ repeated: false });
    });

    it('answer nothing that a template has no value for, or that the pipeline does not take', async () => {
      const headers = { 'idempotency-key': 'order-4711' };
      const picky = await pipeline([noop('only')], {
        params_schema: {
          type: 'object',
          properties: { id: { type: 'integer' } },
          additionalProperties: false,
        },
      });
      const trigger = await hook({ pipeline_id: picky.id, params_mapping: { id: '{{ body.order.id }}' } });
      const missing = await call(trigger.path, { order: {} }, headers);
      expect([missing.status, missing.body.error.details]).toEqual([
        422,
        [
          {
            field: 'params_mapping.id',
            message: "{{ body.order.id }}: body.order has no 'id' (has: nothing)",
            type: 'template_error',
          },
        ],
      ]);
      const wrong = await call(trigger.path, { order: { id: 'x' } }, headers);
      expect([wrong.status, wrong.body.error.details[0].field]).toEqual([422, 'params.id']);
      // The record says so too, and the same delivery may try again once somebody has put it right.
      expect(await eventsOf(trigger.id)).toMatchObject([
        { state: 'FAILED', key: 'order-4711', run_id: null },
      ]);
      expectStatus(await put(trigger.id, { params_mapping: { id: 3 } }), 200);
      const { run_id } = expectStatus(await call(trigger.path, { order: { id: 'x' } }, headers), 202);
      expect((await user.ended(run_id)).params).toEqual({ id: 3 });
      expect(await eventsOf(trigger.id)).toMatchObject([{ state: 'STARTED', run_id, reason: null }]);
    });

    it('start one run for a call that comes again, and refuse another under its name', async () => {
      const { path, id } = await hook();
      const headers = { 'idempotency-key': 'k1' };
      const calls = await Promise.all(Array.from({ length: 10 }, () => call(path, { a: 1 }, headers)));
      const runs = new Set(calls.map((answer) => expectStatus(answer, 202).run_id));
      expect(runs.size).toBe(1);
      expect(calls.filter(({ body }) => !body.data.repeated)).toHaveLength(1);
      expect((await call(path, { a: 2 }, headers)).status).toBe(409);
      expect((await call(path, { a: 1 }, { 'idempotency-key': 'two words' })).status).toBe(422);
      expect(await runsOf(id)).toHaveLength(1);
    });

    it('take signed calls only, when there is a secret, and each signature once', async () => {
      const { path, id, has_secret, secret } = await hook({ secret: SECRET });
      expect({ has_secret, secret }).toEqual({ has_secret: true, secret: null });
      const body = '{ "a":  "\u00fc" }';
      const genuine = signed(body);
      const { run_id } = expectStatus(await call(path, body, genuine), 202);
      expect((await user.ended(run_id)).params).toEqual({ a: 'ü' });
      const wrong: Record<string, string>[] = [
        {},
        signed(`${body} `),
        signed(body, 'another secret'),
        signed(body, SECRET, Math.floor(Date.now() / 1000) - 400),
        { 'x-hub-signature-256': `sha256=${hmac('other')}` },
        { ...genuine, 'x-tauro-signature': 'v1=' },
      ];
      for (const headers of wrong) {
        const refused = await call(path, body, headers);
        expect([headers, refused.status, refused.body.error.code]).toEqual([headers, 401, 'UNAUTHORIZED']);
      }
      // Replayed, whatever it calls itself.
      for (const delivery of [undefined, 'new-name']) {
        const replay = { ...genuine, ...(delivery && { 'x-tauro-delivery': delivery }) };
        expect(expectStatus(await call(path, body, replay), 202)).toMatchObject({ run_id, repeated: true });
      }
      const github = { 'x-hub-signature-256': `sha256=${hmac(body)}`, 'x-github-delivery': 'g-1' };
      const other = expectStatus(await call(path, body, github), 202);
      expect(other).toMatchObject({ repeated: false });
      expect(expectStatus(await call(path, body, github), 202).run_id).toBe(other.run_id);
      expect(await runsOf(id)).toHaveLength(2);
    });

    it('are called by the notifications of a Tauro', async () => {
      const trigger = await hook({
        secret: SECRET,
        params_mapping: { run: '{{ body.data.run.id }}', event: '{{ headers.x-tauro-event }}' },
      });
      const webhook = { url: tauro.url + trigger.path, secret: SECRET };
      const sender = await user.project({ notifications: { on_success: true, webhook } });
      const run = await user.start(sender, (await user.pipeline(sender, [noop('only')])).id);
      const [made] = await started(trigger.id);
      expect(made.params).toEqual({ run, event: 'run.success' });
      expect((await eventsOf(trigger.id))[0].key).toMatch(/^ntf_/);
    });

    it('have another token and secret once they are rotated', async () => {
      const trigger = await hook({ generate_secret: true });
      const body = '{}';
      expect(trigger.secret).toMatch(/^[\w-]{43}$/);
      expectStatus(await call(trigger.path, body, signed(body, trigger.secret)), 202);
      const other = expectStatus(await post(`/${trigger.id}/rotate`), 200);
      expect(other).toMatchObject({ id: trigger.id, secret: null, has_secret: true, revision: 2 });
      expect((await call(trigger.path, body, signed(body, trigger.secret, 0))).status).toBe(404);
      const later = Math.floor(Date.now() / 1000) + 1;
      expectStatus(await call(other.path, body, signed(body, trigger.secret, later)), 202);
      const both = expectStatus(await post(`/${trigger.id}/rotate`, { generate_secret: true }), 200);
      expect((await call(both.path, body, signed(body, trigger.secret, later + 1))).status).toBe(401);
      expectStatus(await call(both.path, body, signed(body, both.secret, later + 1)), 202);
      expectStatus(await put(trigger.id, { secret: null }), 200);
      expectStatus(await call(both.path, body), 202);
    });

    it('are limited, and say when to try again', async () => {
      const { id, path } = await hook({ rate_limit: { calls: 3, per_seconds: 3600 }, secret: SECRET });
      // Calls that are not genuine use up nothing.
      for (let i = 0; i < 5; i++) expect((await call(path, {})).status).toBe(401);
      const times = [0, 1, 2, 3].map((off) => Math.floor(Date.now() / 1000) + off);
      const answers = await Promise.all(times.map((time) => call(path, '{}', signed('{}', SECRET, time))));
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, 429]);
      const refused = answers.find(({ status }) => status === 429)!;
      expect(refused.body.error.code).toBe('RATE_LIMIT_EXCEEDED');
      const retryAfter = Number(refused.headers.get('retry-after'));
      expect(retryAfter).toBeGreaterThan(3500);
      expect(retryAfter).toBeLessThanOrEqual(3600);
      expectStatus(await put(id, { rate_limit: null }), 200);
      for (let i = 0; i < 3; i++) {
        const time = Math.floor(Date.now() / 1000) - 100 - i;
        expectStatus(await call(path, '{}', signed('{}', SECRET, time)), 202);
      }
    });

    it('take nothing while they are disabled, and tell nobody who guesses anything', async () => {
      const { id, token, path } = await hook();
      expectStatus(await put(id, { enabled: false }), 200);
      const disabled = await call(path, {});
      expect([disabled.status, disabled.body.error.code]).toEqual([409, 'CONFLICT']);
      expectStatus(await put(id, { enabled: true }), 200);
      expectStatus(await call(path, {}), 202);
      const nobody = 'A'.repeat(43);
      for (const wrong of [
        nobody,
        token.slice(0, -1),
        token.toLowerCase(),
        'x',
        '%00',
        id,
        '$ne',
        `${token}%20`,
      ]) {
        const refused = await call(`/api/v1/hooks/${wrong}`, {});
        expect([wrong, refused.status, refused.body.error]).toEqual([
          wrong,
          404,
          { code: 'NOT_FOUND', message: 'There is no such hook', details: [] },
        ]);
      }
      expect((await tauro.api.delete(`/api/v1/triggers/${id}`)).status).toBe(200);
      expect((await call(path, {})).status).toBe(404);
    });

    it('survive hostile bodies', async () => {
      const { path, id } = await hook({ params_mapping: { x: '{{ body.x | default(null) }}' } });
      const open = await hook();
      const answers: [unknown, number][] = [
        ['{', 400],
        ['[1]', 422],
        ['"text"', 422],
        ['{"__proto__": {"polluted": true}}', 422],
        [`{"x": ${'['.repeat(60)}${']'.repeat(60)}}`, 422],
        ['{"x": 1e999}', 422],
        [JSON.stringify({ x: 'y'.repeat(300_000) }), 422],
        [JSON.stringify({ x: 'y'.repeat(1_100_000) }), 413],
        ['{"x": "{{ run.id }}"}', 202],
        ['{"x": {"$where": "sleep(1000)", "a.b": 1}, "constructor": 1}', 202],
        ['', 202],
      ];
      for (const [body, status] of answers) {
        for (const to of [path, open.path]) {
          const headers = { 'content-type': 'application/json' };
          const answer = await tauro.api.send('POST', to, body, headers);
          expect([String(body).slice(0, 60), to, answer.status]).toEqual([
            String(body).slice(0, 60),
            to,
            status,
          ]);
        }
      }
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      expect((await tauro.api.send('POST', path, 'x=1', form)).status).toBe(415);
      const runs = await runsOf(id);
      // What is sent is never a template itself.
      expect(runs.map(({ params }) => params.x)).toEqual([
        '{{ run.id }}',
        { $where: 'sleep(1000)', 'a.b': 1 },
        null,
      ]);
      expect(Object.prototype).not.toHaveProperty('polluted');
    });

    it('never show token or secret again: not in answers, not in the store, not in logs', async () => {
      const { id, token, path } = await hook({ secret: SECRET });
      const body = '{"a": 1}';
      expectStatus(await call(path, body, signed(body)), 202);
      await call(`/hooks/${token}/more`, body);
      await tauro.api.get(path);
      const shown = [
        (await tauro.api.get(`/api/v1/triggers/${id}`)).body,
        (await tauro.api.get('/api/v1/triggers?limit=100')).body,
        (await put(id, { description: 'x' })).body,
        await eventsOf(id),
        await tauro.database.collection('triggers').find().toArray(),
        await tauro.database.collection('trigger_events').find().toArray(),
        (await tauro.api.get('/metrics')).body,
      ];
      for (const text of [
        ...shown.map((one) => JSON.stringify(one)),
        tauro.logs(),
        tauro.apiProcess().logs(),
      ]) {
        expect(text).not.toContain(token);
        expect(text).not.toContain(SECRET);
      }
      expect(shown.at(-1)).toMatch(/tauro_trigger_runs_total\{kind="WEBHOOK",outcome="started"\} [1-9]/);
      expect(tauro.apiProcess().logs()).toContain('POST /api/v1/hooks/[redacted] 202');
      expect(tauro.apiProcess().logs()).toContain('POST /hooks/[redacted]/more 404');
    });
  });
});

describe('triggers of a server without a SECRET_KEY of its own, or without Redis, or with a full queue', () => {
  let tauro: Tauro;
  let redis: Cable;
  let body: object;
  beforeAll(async () => {
    redis = await Cable.to(process.env.TEST_REDIS_URL!);
    tauro = await Tauro.start({ workers: 0, env: { MAX_QUEUED_RUNS: '20', REDIS_URL: redis.url } });
    const user = new User(tauro.api);
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    body = { project_id, pipeline_id, kind: 'WEBHOOK' };
  });
  afterAll(async () => {
    redis?.plug();
    await tauro?.stop();
    await redis?.close();
  });
  const hook = async (fields: object = {}): Promise<any> =>
    expectStatus(await tauro.api.post('/api/v1/triggers', { ...body, ...fields }), 201);

  it('have no secret', async () => {
    for (const fields of [{ secret: SECRET }, { generate_secret: true }]) {
      const refused = await tauro.api.post('/api/v1/triggers', { ...body, ...fields });
      expect([refused.status, refused.body.error.details[0]]).toEqual([
        422,
        expect.objectContaining({
          field: Object.keys(fields)[0],
          message: expect.stringContaining('SECRET_KEY'),
        }),
      ]);
    }
    expect(await hook()).toMatchObject({ has_secret: false, secret: null });
  });

  it('are limited by all API processes together, and not at all without Redis', async () => {
    const { path } = await hook({ rate_limit: { calls: 4, per_seconds: 3600 } });
    const port = String(await freePort());
    const second = new ServerProcess(
      'api 2',
      'apps/api/src/main.js',
      { ...tauro.env, PORT: port },
      tauro.files,
    );
    try {
      const other = new ApiClient(`http://127.0.0.1:${port}`);
      await waitFor(async () => (await other.get('/health/ready')).status === 200, {
        what: 'the second API',
      });
      const answers = [];
      for (const api of [tauro.api, other, other, tauro.api, other, tauro.api]) {
        answers.push((await api.post(path, {})).status);
      }
      expect(answers).toEqual([202, 202, 202, 202, 429, 429]);
    } finally {
      await second.stop();
    }
    redis.pull();
    expectStatus(await tauro.api.post(path, {}), 202);
    redis.plug();
    await waitFor(async () => (await tauro.api.post(path, {})).status === 429, {
      what: 'the limit to be back',
    });
  });

  it('refuse calls while the queue is full, and keep nothing of them', async () => {
    const { path, id } = await hook();
    const taken = await waitFor(
      async () => {
        const { status } = await tauro.api.post(path, {});
        if (status === 503)
          return {
            count: await tauro.database.collection('trigger_events').countDocuments({ trigger_id: id }),
          };
        expect(status).toBe(202);
        return undefined;
      },
      { what: 'the queue to be full', everyMs: 0 },
    );
    const full = await tauro.api.post(path, {});
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
    const events = await tauro.api.get(`/api/v1/triggers/${id}/events`);
    expect(events.body.meta.total).toBe(taken.count);
  });
});
