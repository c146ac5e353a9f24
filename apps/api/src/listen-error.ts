import { type Env } from '@tauro/platform';

type Address = Pick<Env, 'HOST' | 'PORT'>;

/** What a person can do about an address that cannot be listened on, by the code that Node gives. */
const REASONS: Record<string, (env: Address) => string> = {
  EADDRINUSE: ({ HOST, PORT }) =>
    `PORT: ${HOST}:${PORT} is already in use; stop what listens there or choose another, such as PORT=8001`,
  EACCES: ({ PORT }) => `PORT: this user may not listen on port ${PORT}; choose another, such as PORT=8000`,
  EADDRNOTAVAIL: ({ HOST }) => `HOST: ${HOST} is no address of this machine; for example HOST=127.0.0.1`,
  ENOTFOUND: ({ HOST }) => `HOST: no address was found for ${HOST}; for example HOST=127.0.0.1`,
};

/** The API cannot listen where it was told to. */
export class ListenError extends Error {
  constructor(env: Address, cause: NodeJS.ErrnoException) {
    const reason = REASONS[cause.code ?? ''];
    super(reason?.(env) ?? `HOST, PORT: cannot listen on ${env.HOST}:${env.PORT}: ${cause.message}`, {
      cause,
    });
  }
}
