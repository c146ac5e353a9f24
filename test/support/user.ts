import { taskLabel } from '../../libs/domain/src/mapping.js';
import { randomBytes } from 'node:crypto';
import { type Answer, type ApiClient } from './api-client.js';
import { waitFor } from './wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const TERMINAL = ['SUCCESS', 'FAILED', 'CANCELLED'];

/** What a user of the API does over and over, each step checked for its status. */
export class User {
  constructor(private readonly api: ApiClient) {}

  /** A name that no other test uses. */
  static uniqueName(stem: string): string {
    return `${stem}_${randomBytes(4).toString('hex')}`;
  }

  /** A new project; answers its id. */
  async project(fields: object = {}): Promise<string> {
    const body = { name: User.uniqueName('project'), ...fields };
    return expectStatus(await this.api.post('/api/v1/projects', body), 201).id;
  }

  /** A stored pipeline; answers it whole. */
  async pipeline(projectId: string, nodes: object[], rest: object = {}): Promise<any> {
    const body = { project_id: projectId, name: User.uniqueName('pipeline'), nodes, ...rest };
    return expectStatus(await this.api.post('/api/v1/pipelines', body), 201);
  }

  /** Creates a run and starts it at once; answers its id. */
  async start(projectId: string, pipelineId: string, fields: object = {}): Promise<string> {
    const body = { project_id: projectId, pipeline_id: pipelineId, start: true, ...fields };
    return expectStatus(await this.api.post('/api/v1/runs', body), 201).id;
  }

  /** Stores a pipeline in a project of its own and starts it; answers the run's id. */
  async startNew(nodes: object[], rest: object = {}, fields: object = {}): Promise<string> {
    const projectId = await this.project();
    return this.start(projectId, (await this.pipeline(projectId, nodes, rest)).id, fields);
  }

  async run(runId: string): Promise<any> {
    return expectStatus(await this.api.get(`/api/v1/runs/${runId}`), 200);
  }

  /** The run once it is terminal. */
  ended(runId: string, timeout = 100_000): Promise<any> {
    return this.runWhen(runId, (run) => TERMINAL.includes(run.state), { timeout, what: `${runId} to end` });
  }

  /** The run once it is as asked. */
  runWhen(runId: string, test: (run: any) => boolean, options: { timeout?: number; what?: string } = {}) {
    return waitFor(
      async () => {
        const run = await this.run(runId);
        if (!test(run)) throw new Error(`${run.state} ${JSON.stringify(run.progress)} ${run.waiting_reason}`);
        return run;
      },
      { what: `a state of ${runId}`, ...options },
    );
  }

  /** All tasks of a run, by node id, and by `node[index]` for the items of a mapped one. */
  async tasks(runId: string): Promise<Record<string, any>> {
    const tasks: any[] = [];
    for (let more = true; more;) {
      const path = `/api/v1/runs/${runId}/tasks?limit=100&offset=${tasks.length}`;
      const { status, body } = await this.api.get(path);
      if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
      tasks.push(...body.data);
      more = body.meta.has_more;
    }
    return Object.fromEntries(tasks.map((task) => [taskLabel(task), task]));
  }

  /** States of all tasks of a run, by node id. */
  async taskStates(runId: string): Promise<Record<string, string>> {
    return Object.fromEntries(Object.entries(await this.tasks(runId)).map(([id, task]) => [id, task.state]));
  }

  /** Log lines of a run as a plain list, at most 100. */
  async logs(runId: string, query = ''): Promise<any[]> {
    const path = `/api/v1/runs/${runId}/logs?limit=100${query}`;
    return expectStatus(await this.api.get(path, { accept: 'application/json' }), 200);
  }
}

/** The `data` of an answer that must have this status. */
export function expectStatus(answer: Answer, status: number): any {
  if (answer.status !== status) {
    throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body.data;
}
