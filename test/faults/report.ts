import { type Report } from './scenario.js';

/** The reports as a Markdown table. */
export function reportTable(reports: readonly Report[]): string {
  const rows = reports.map(({ name, did, measured, broken, seconds }) => [
    name,
    did,
    Object.entries({ ...measured, took: `${Math.round(seconds)} s` })
      .map(([what, value]) => `${what} ${value}`)
      .join(', '),
    broken.length === 0 ? 'kept' : `**${broken.length} broken**`,
  ]);
  const head = ['fault', 'what was done', 'measured', 'promises'];
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
