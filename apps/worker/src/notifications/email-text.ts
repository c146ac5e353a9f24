import { type Notification } from '@tauro/database';
import { type RunEvent } from '@tauro/domain';

const WHAT: Record<RunEvent, string> = {
  'run.success': 'succeeded',
  'run.failure': 'FAILED',
  'run.sla_miss': 'is late',
};

/** As much of a message's data as an email tells. */
interface Told {
  run: {
    id: string;
    pipeline_name: string;
    pipeline_version: number;
    state: string;
    error: { node_id?: string; type: string; message: string } | null;
    schedule_id: string | null;
    scheduled_for: string | null;
    started_at: string | null;
    finished_at: string | null;
    duration_seconds: number | null;
  };
  project: { id: string; name: string | null };
  sla?: { seconds: number; due_at: string };
}

/** Subject and text of an email. The subject is one line, whatever the names in it hold. */
export function textOf({ _id, event, data }: Pick<Notification, '_id' | 'event' | 'data'>): {
  subject: string;
  text: string;
} {
  const { run, project, sla } = data as unknown as Told;
  const facts: [string, string | null | undefined][] = [
    ['Run', run.id],
    ['Pipeline', `${run.pipeline_name}, version ${run.pipeline_version}`],
    ['Project', project.name ?? project.id],
    ['Schedule', run.schedule_id],
    ['Scheduled for', run.scheduled_for],
    ['Due', sla && `${sla.due_at}, ${sla.seconds} s after its time`],
    ['State', run.state],
    ['Started', run.started_at],
    ['Finished', run.finished_at],
    ['Duration', run.duration_seconds === null ? null : `${run.duration_seconds} s`],
    ['Failed node', run.error?.node_id],
    ['Error', run.error && `${run.error.type}: ${run.error.message}`],
  ];
  const lines = facts.flatMap(([label, value]) => (value ? [`${`${label}:`.padEnd(14)} ${value}`] : []));
  const what = `${run.pipeline_name} ${WHAT[event as RunEvent]}`;
  const text = [`${what}.`, '', ...lines, '', `Notification ${_id}`, ''].join('\n');
  return { subject: oneLine(`[Tauro] ${what}`), text };
}

const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 200);
