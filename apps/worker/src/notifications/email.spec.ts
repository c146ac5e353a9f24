import { type Notification } from '@tauro/database';
import { type Env } from '@tauro/platform';
import { MailServer } from '../../../../test/support/receivers.js';
import { isFinal } from './channel.js';
import { EmailChannel } from './email.js';

const run = { id: 'run_1', pipeline_name: 'nightly', pipeline_version: 1, state: 'SUCCESS', error: null };
const message = (to: string) =>
  ({
    _id: 'ntf_1',
    event: 'run.success',
    data: { run, project: { id: 'proj_1', name: 'sales' } },
    engine: { to },
  }) as unknown as Notification;

describe('the mail server', () => {
  let server: MailServer;
  const channels: EmailChannel[] = [];

  beforeAll(async () => {
    server = await MailServer.start();
  });
  afterAll(async () => {
    for (const channel of channels) channel.close();
    await server.stop();
  });

  function channel(SMTP_URL: string | undefined): EmailChannel {
    const env = { SMTP_URL, SMTP_FROM: 'Ops <ops@example.com>', NOTIFICATION_TIMEOUT_SECONDS: 2 } as Env;
    channels.push(new EmailChannel(env));
    return channels.at(-1)!;
  }
  const failure = async (sending: Promise<void>): Promise<Error> => {
    const error = await sending.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    if (!error) throw new Error('it was sent');
    return error;
  };

  it('is given many messages over few connections', async () => {
    const mails = channel(server.url);
    const to = Array.from({ length: 12 }, (_, i) => `a${i}@example.com`);
    await Promise.all(to.map((address) => mails.send(message(address))));
    expect(server.mails.flatMap((mail) => mail.to).sort()).toEqual([...to].sort());
    expect(server.mails[0]!.source).toMatch(/^From: Ops <ops@example.com>\r$/m);
  });

  it('may refuse the login for now, and its error does not tell the password', async () => {
    const error = await failure(channel(server.url.replace('password', 'wrong')).send(message('a@b.c')));
    expect(isFinal(error)).toBe(false);
    expect(error.message).toContain('wrong login');
    expect(error.message).not.toContain('mail-wrong');
  });

  it('may refuse an address for ever', async () => {
    server.unknown.add('nobody@example.com');
    const error = await failure(channel(server.url).send(message('nobody@example.com')));
    expect(isFinal(error)).toBe(true);
    expect(error.message).toContain('no such user');
  });

  it('may be away', async () => {
    const gone = await MailServer.start();
    const { url } = gone;
    await gone.stop();
    const error = await failure(channel(url).send(message('a@b.c')));
    expect(isFinal(error)).toBe(false);
    expect(error.message).not.toContain(MailServer.PASSWORD);
  });

  it('may not be there at all', async () => {
    const error = await failure(channel(undefined).send(message('a@b.c')));
    expect(isFinal(error)).toBe(true);
    expect(error.message).toContain('SMTP_URL');
  });
});
