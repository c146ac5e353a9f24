import { type Json } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { compile, schemaFaults } from '../validation/schema-faults.js';

type Validator = ReturnType<typeof compile>;

/** What a handler says of its values. */
export interface DeclaredHandler {
  name: string;
  input?: Record<string, unknown>;
  output?: Record<string, unknown>;
}

/** Checks the input and the output of one handler against its schemas. */
export class HandlerSchemas {
  private readonly input?: Validator;
  private readonly output?: Validator;

  /** @throws Error when a schema is none */
  constructor(private readonly handler: DeclaredHandler) {
    this.input = validatorOf(handler, 'input');
    this.output = validatorOf(handler, 'output');
  }

  /** @throws NodeError when the handler cannot take this */
  assertInput(input: Json): void {
    const faults = faultsOf(this.input, { input });
    if (!faults) return;
    throw new NodeError(
      'InvalidInput',
      `the handler '${this.handler.name}' cannot take this: ${faults}`,
      false,
    );
  }

  /** @throws NodeError when this is not what the handler returns */
  assertOutput(output: Json): void {
    const faults = faultsOf(this.output, { output });
    if (!faults) return;
    const message = `the handler '${this.handler.name}' returned what its output schema does not allow: ${faults}`;
    throw new NodeError('InvalidOutput', message, false);
  }
}

function validatorOf(handler: DeclaredHandler, of: 'input' | 'output'): Validator | undefined {
  if (!handler[of]) return undefined;
  try {
    return compile({ properties: { [of]: handler[of] } });
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`the ${of} schema of '${handler.name}' is not valid: ${reason}`, { cause: error });
  }
}

/** What is wrong with a value, in words; undefined when nothing is. */
function faultsOf(validate: Validator | undefined, value: object): string | undefined {
  const faults = validate ? schemaFaults(validate, value, { literal: true }) : [];
  return faults.length > 0 ? faults.map(({ message }) => message).join('; ') : undefined;
}
