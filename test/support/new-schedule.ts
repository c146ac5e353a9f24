import { type NewSchedule } from '@tauro/orchestration';

/** A schedule of every minute that makes up for whatever it missed. */
export const newSchedule = (
  of: Pick<NewSchedule, 'project_id' | 'pipeline_id' | 'pipeline_name'>,
  fields: Partial<NewSchedule> = {},
): NewSchedule => ({
  ...of,
  kind: 'CRON',
  expression: '* * * * *',
  enabled: true,
  timezone: 'UTC',
  description: '',
  params: {},
  tags: {},
  config: {},
  start_at: null,
  end_at: null,
  misfire: 'all',
  misfire_window_seconds: null,
  coalesce: false,
  on_enable: { misfire: 'none', misfire_window_seconds: null, coalesce: false },
  max_concurrency: 100,
  overlap: 'skip',
  jitter_seconds: 0,
  request_id: null,
  webhook_secrets: [],
  ...fields,
});
