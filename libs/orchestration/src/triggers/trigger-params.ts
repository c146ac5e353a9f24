import { type Run, type Trigger } from '@tauro/database';
import { invalid, type JsonObject, renderConfig, TemplateError, type TemplateScope } from '@tauro/domain';

/** As for the params of any run. */
const MAX_PARAMS_BYTES = 262_144;

/** A call as templates see it. */
export interface CallScope {
  body: JsonObject;
  /** By name in lower case. */
  headers: Record<string, string>;
}

/**
 * The params that a trigger gives a run: its own, and over them what it takes from a call.
 * @throws DomainError VALIDATION_ERROR for a template without a value, and for more than 256 KB.
 */
export function triggeredParams(
  { kind, params, params_mapping }: Pick<Trigger, 'kind' | 'params' | 'params_mapping'>,
  scope: TemplateScope | CallScope,
): JsonObject {
  const own = render(params, scope, 'params');
  const body = kind === 'WEBHOOK' ? (scope.body as JsonObject) : {};
  const taken = params_mapping ? render(params_mapping, scope, 'params_mapping') : body;
  const all = { ...own, ...taken };
  const bytes = Buffer.byteLength(JSON.stringify(all));
  if (bytes <= MAX_PARAMS_BYTES) return all;
  const message = `are ${bytes} bytes as JSON, at most ${MAX_PARAMS_BYTES} are allowed`;
  throw invalid([{ field: 'params', message, type: 'too_long' }]);
}

/** What templates may say of a run that has ended. */
export function endedRunScope(run: Run): TemplateScope {
  const { _id: id, project_id, pipeline_id, pipeline_name, pipeline_version } = run;
  const { state, params, tags, outputs, error } = run;
  return {
    run: {
      ...{ id, project_id, pipeline_id, pipeline_name, pipeline_version, state, params, tags, outputs },
      error: error && { type: error.type, message: error.message, node_id: error.node_id ?? null },
      scheduled_for: textOf(run.scheduled_for),
      data_interval_start: textOf(run.data_interval_start),
      data_interval_end: textOf(run.data_interval_end),
      started_at: textOf(run.started_at),
      finished_at: textOf(run.finished_at),
    },
  };
}

const textOf = (date: Date | null): string | null => date?.toISOString() ?? null;

function render(params: JsonObject, scope: TemplateScope, at: string): JsonObject {
  try {
    return renderConfig(params, scope, { at }) as JsonObject;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw invalid([{ field: error.at, message: `${error.source}: ${error.reason}`, type: 'template_error' }]);
  }
}
