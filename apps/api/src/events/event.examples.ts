const RUN = {
  type: 'run',
  timestamp: '2025-11-18T02:00:01.000Z',
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  schedule_id: null,
  state: 'RUNNING',
};
const TASK = { ...RUN, type: 'task', task_id: 'task_01JD0Z5K3V7M8N9P0Q1R2S3T4V', node_id: 'load' };

const text = (id: string, data: object): string => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

export const EVENTS_EXAMPLE =
  text('1763431201.1.0', RUN) + text('1763431209.4.0', { ...RUN, state: 'SUCCESS' });

export const RUN_EVENTS_EXAMPLE = `${text('1763431201.1.0', TASK)}${EVENTS_EXAMPLE}event: end
data: {"message":"the run has ended"}

`;
