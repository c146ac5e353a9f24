import { type CheckResult, type TableRef } from '@tauro/domain';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { countOf } from '../tables/sql-text.js';
import { parquetRows, type TableMade } from '../tables/table-output.js';
import { type CheckItem, checkItems, itemFaults } from './check-items.js';
import { CHECKED, type CheckStep } from './checks/check.js';
import { split, type SplitTargets, splitTargets } from './quarantine.js';
import { judge } from './run-checks.js';

/** The checks of a node, ready to look at the table that it makes. */
export interface Quality {
  items: CheckItem[];
  targets: SplitTargets;
  /** Files that they write. */
  paths: string[];
}

/** @returns undefined for a node without checks. @throws NodeError for checks that templates have made wrong */
export async function qualityOf(context: NodeContext): Promise<Quality | undefined> {
  const items = checkItems(context.config['checks']);
  if (items.length === 0) return undefined;
  const [fault] = itemFaults(items);
  if (fault) throw new NodeError('InvalidConfig', `${fault.place}: ${fault.message}`, false);
  const targets = await splitTargets(context);
  return { items, targets, paths: [targets.clean.path, targets.quarantine.path] };
}

/**
 * Looks whether a table is as it should be. Checks that quarantine come first, and take bad rows out of it; all others
 * look at what is left, which is what other nodes would see.
 * @param names what the SQL of checks may name besides the checked table
 */
export async function checkTable(
  session: DuckDbSession,
  { items, targets }: Quality,
  made: TableMade,
  names: readonly string[],
  context: NodeContext,
): Promise<NodeResult> {
  const results = new Map<CheckItem, CheckResult>();
  const look = async (table: TableRef): Promise<Omit<CheckStep, 'place' | 'options'>> => {
    const columns = await session.view(CHECKED, parquetRows(context.artifacts.path(table.artifact)));
    const step = { view: CHECKED, columns, rows: table.rows, names: [...names, CHECKED] };
    return { ...step, asOf: asOf(context), session };
  };
  const quarantining = items.filter(({ severity }) => severity === 'quarantine');
  const whole = await look(made.table);
  const bad: { name: string; where: string }[] = [];
  for (const item of quarantining) {
    const judged = await judge(item, whole);
    results.set(item, judged.result);
    if (judged.bad) bad.push({ name: item.name, where: judged.bad.where });
  }
  let left = made;
  let quarantine: TableRef | undefined;
  if (bad.length > 0) {
    const table = { ...whole, file: context.artifacts.path(made.table.artifact) };
    ({ clean: left, quarantine } = await split(session, table, bad, targets, context));
    await context.artifacts.remove(made.table.artifact);
  }
  const rest = items.filter((item) => !results.has(item));
  const seen = rest.length > 0 && quarantine ? await look(left.table) : whole;
  for (const item of rest) results.set(item, (await judge(item, seen)).result);
  const quality = items.map((item) => results.get(item)!);
  tell(quality, quarantine, context);
  const failed = quality.filter(({ passed, severity }) => !passed && severity === 'fail');
  const kept = { quality, ...(quarantine && { quarantine }) };
  if (failed.length > 0) {
    // Nobody will ever name it.
    await context.artifacts.remove(left.table.artifact);
    return {
      failed: { type: 'QualityFailed', message: inWords(failed, items.length) },
      output: null,
      ...kept,
    };
  }
  const output = { ...(left.output as object), quarantined: quarantine?.rows ?? 0 };
  return { ...left, ...(quarantining.length > 0 && { output }), ...kept };
}

/** When the data of the run should be up to date. */
const asOf = ({ run }: NodeContext): Date => new Date(run.data_interval_end ?? run.created_at);

function tell(quality: readonly CheckResult[], quarantine: TableRef | undefined, context: NodeContext): void {
  const broken = quality.filter(({ passed }) => !passed);
  for (const result of broken) context.log('WARNING', `check ${result.severity}: ${withSamples(result)}`);
  if (quarantine) context.log('WARNING', `${countOf(quarantine.rows, 'row')} quarantined`);
  context.log('INFO', `${quality.length - broken.length} of ${countOf(quality.length, 'check')} passed`);
}

const SHOWN_CHECKS = 5;
const SHOWN_SAMPLES = 3;
const SAMPLE_CHARACTERS = 200;

function inWords(failed: readonly CheckResult[], count: number): string {
  const shown = failed.slice(0, SHOWN_CHECKS).map(withSamples);
  const more = failed.length > shown.length ? [`${failed.length - shown.length} more`] : [];
  return `${failed.length} of ${countOf(count, 'check')} failed: ${[...shown, ...more].join('; ')}`;
}

/** `range(age) does not fit in 2 of 100 rows: {"age":-1}, {"age":700}` */
function withSamples({ check, message, samples }: CheckResult): string {
  const shown = samples.slice(0, SHOWN_SAMPLES).map((sample) => {
    const text = JSON.stringify(sample);
    return text.length > SAMPLE_CHARACTERS ? `${text.slice(0, SAMPLE_CHARACTERS - 1)}…` : text;
  });
  return `${check} ${message}${shown.length > 0 ? `: ${shown.join(', ')}` : ''}`;
}
