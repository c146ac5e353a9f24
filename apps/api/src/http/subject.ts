import { type Subject } from '@tauro/platform';

/** The run and the project that an answer is about, as they stand in it. */
export function subjectOf(answer: unknown): Subject {
  if (typeof answer !== 'object' || answer === null) return {};
  const { id, run_id, project_id } = answer as Record<string, unknown>;
  const run = isId('run', id) ? id : run_id;
  const project = isId('proj', id) ? id : project_id;
  return {
    ...(isId('run', run) && { run_id: run }),
    ...(isId('proj', project) && { project_id: project }),
  };
}

const isId = (prefix: 'run' | 'proj', value: unknown): value is string =>
  typeof value === 'string' && value.startsWith(`${prefix}_`);
