import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { milliseconds, secondsSchema } from '../wait/seconds.js';

/** What a person reads at a glance; a template may have put anything in. */
const MAX_MESSAGE = 2000;

/** Waits for a person to approve or reject, without holding a slot. */
export const approvalNode: NodeKind = {
  type: 'approval',
  unmappable: 'a person decides once; put the list into its message',
  summary: 'Waits until a person approves or rejects, without holding a worker.',
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      message: {
        description: 'What the person is asked; templates are filled in.',
        type: 'string',
        maxLength: MAX_MESSAGE,
      },
      deadline_seconds: secondsSchema(
        'Seconds after which the node fails undecided, fractions allowed, or a template that gives them.',
      ),
    },
  },
  timed: false,

  execute({ config }: NodeContext): Promise<NodeResult> {
    const { message, deadline_seconds } = config;
    const deadline =
      deadline_seconds === undefined ? null : new Date(Date.now() + milliseconds(deadline_seconds));
    const approval = { message: (message as string | undefined) ?? '', deadline };
    return Promise.resolve({ approval, output: null });
  },
};
