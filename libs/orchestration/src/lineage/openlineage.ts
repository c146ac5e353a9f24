import { type Run } from '@tauro/database';
import { type DatasetUse, type JsonObject, type RunState } from '@tauro/domain';
import { VERSION } from '@tauro/platform';
import { createHash } from 'node:crypto';

// Events as OpenLineage 2-0-2 has them. Names are that standard's, not ours.

const PRODUCER = `urn:tauro:${VERSION}`;
const SCHEMA = 'https://openlineage.io/spec';
const CORE = `${SCHEMA}/2-0-2/OpenLineage.json`;

export type LineageEventType = 'START' | 'COMPLETE' | 'FAIL' | 'ABORT';

/** What the end of a run is called there. */
export const EVENT_TYPE_OF: Partial<Record<RunState, LineageEventType>> = {
  SUCCESS: 'COMPLETE',
  FAILED: 'FAIL',
  CANCELLED: 'ABORT',
};

export interface LineageJob {
  namespace: string;
  name: string;
}

/** What an event is made of. */
export interface LineageEventFacts {
  type: LineageEventType;
  at: Date;
  run: Run;
  job: LineageJob;
  /** The run whose `pipeline` node made this one. */
  parent?: { run_id: string; job: LineageJob };
  /** What the run has read and written, each dataset once. */
  uses: readonly DatasetUse[];
}

/** The UUID that stands for a run: there ids have to be such, and this one follows from ours. */
export function lineageRunId(runId: string): string {
  const bytes = createHash('sha256').update(runId).digest().subarray(0, 16);
  // Version 8, for what is made in a way of one's own, and the variant that all of them have.
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** An event about a run; plain JSON, so that it stays the same however often it is sent. */
export function lineageEvent({ type, at, run, job, parent, uses }: LineageEventFacts): JsonObject {
  const event = {
    eventType: type,
    eventTime: at.toISOString(),
    producer: PRODUCER,
    schemaURL: `${CORE}#/$defs/RunEvent`,
    run: { runId: lineageRunId(run._id), facets: runFacets(run, type, parent) },
    job: { ...job, facets: { jobType: facet('2-0-3/JobTypeJobFacet', JOB_TYPE) } },
    inputs: uses.filter(({ access }) => access === 'read').map(inputOf),
    outputs: uses.filter(({ access }) => access === 'write').map(outputOf),
  };
  return JSON.parse(JSON.stringify(event)) as JsonObject;
}

const JOB_TYPE = { processingType: 'BATCH', integration: 'TAURO', jobType: 'PIPELINE' };

function runFacets(run: Run, type: LineageEventType, parent: LineageEventFacts['parent']): object {
  const { _id, project_id, pipeline_id, pipeline_version, data_interval_start, data_interval_end } = run;
  const from = data_interval_start ?? run.scheduled_for;
  const own = { id: _id, project_id, pipeline_id, pipeline_version, rerun_of: run.rerun_of };
  return {
    processing_engine: facet('1-1-1/ProcessingEngineRunFacet', { name: 'Tauro', version: VERSION }),
    tauro_run: { _producer: PRODUCER, _schemaURL: `${CORE}#/$defs/RunFacet`, ...own },
    ...(from && {
      nominalTime: facet('1-0-1/NominalTimeRunFacet', {
        nominalStartTime: from,
        ...(data_interval_end && { nominalEndTime: data_interval_end }),
      }),
    }),
    ...(parent && {
      parent: facet('1-0-1/ParentRunFacet', { run: { runId: lineageRunId(parent.run_id) }, job: parent.job }),
    }),
    ...(type === 'FAIL' &&
      run.error && {
        errorMessage: facet('1-0-1/ErrorMessageRunFacet', {
          message: run.error.message,
          programmingLanguage: 'TypeScript',
        }),
      }),
  };
}

/** A facet of the standard, such as `1-0-1/ParentRunFacet`. */
const facet = (schema: string, fields: object): object => ({
  _producer: PRODUCER,
  _schemaURL: `${SCHEMA}/facets/${schema}.json#/$defs/${schema.split('/')[1]}`,
  ...fields,
});

const inputOf = (use: DatasetUse): object => ({
  ...datasetOf(use),
  ...statistics(use, 'inputFacets', 'inputStatistics', '1-0-0/InputStatisticsInputDatasetFacet'),
});

const outputOf = (use: DatasetUse): object => ({
  ...datasetOf(use),
  ...statistics(use, 'outputFacets', 'outputStatistics', '1-0-2/OutputStatisticsOutputDatasetFacet'),
});

const datasetOf = ({ namespace, name, columns }: DatasetUse): object => ({
  namespace,
  name,
  facets: columns ? { schema: facet('1-1-1/SchemaDatasetFacet', { fields: columns }) } : {},
});

const statistics = ({ rows, bytes }: DatasetUse, place: string, name: string, schema: string): object => ({
  [place]:
    rows === undefined && bytes === undefined
      ? {}
      : { [name]: facet(schema, { rowCount: rows, size: bytes }) },
});
