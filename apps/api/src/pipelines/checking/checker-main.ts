import { validateDefinition } from '@tauro/nodes';
import { type CheckAnswer, type CheckRequest } from './checker-protocol.js';

/* The checker process: see `DefinitionChecker`, which starts it. */

process.on('message', ({ id, definition }: CheckRequest) => {
  const answer = (result: CheckAnswer): void => {
    if (process.connected) process.send!(result);
  };
  validateDefinition(definition).then(
    ({ errors }) => answer({ id, errors }),
    (error: Error) => answer({ id, failure: error.stack ?? error.message }),
  );
});

// Whoever started it may be gone by now; then there is nobody to be ready for.
process.send!('ready' satisfies CheckAnswer, (error: Error | null) => error && process.exit());

// The API ends it by closing the channel, on purpose or with its own end; Ctrl-C reaches the whole group at once.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
