import { validateDefinition } from '../validate.js';

const faultsOf = async (notifications: unknown): Promise<Record<string, string>> => {
  const nodes = [{ id: 'a', type: 'wait', config: { seconds: 0 } }];
  const { errors } = await validateDefinition({ name: 'p', nodes, config: { notifications } });
  return Object.fromEntries(errors.map(({ field, message }) => [field, message]));
};

describe('notifications of a definition', () => {
  it.each([
    [{}],
    [{ email: 'alerts@company.com', on_success: true, on_failure: false }],
    [{ email: ['a@example.com', 'b@example.com'], sla_seconds: 0.5, on_sla_miss: true }],
    [{ webhook: { url: 'https://hooks.example.com/x?y=z' } }],
    [{ webhook: [{ url: 'http://10.0.0.1:8080/' }, { url: 'https://example.com' }] }],
  ])('may be %j', async (settings) => expect(await faultsOf(settings)).toEqual({}));

  it('hold no secret, not even an empty one', async () => {
    for (const secret of ['s', '', null]) {
      const faults = await faultsOf({ webhook: [{ url: 'https://example.com', secret }] });
      expect(faults['config.notifications.webhook.0.secret']).toMatch(/may be read/);
    }
  });

  it.each([
    [{ webhook: { url: 'mailto:a@b.c' } }, 'config.notifications.webhook.url', /only http and https/],
    [
      { webhook: { url: 'http://metadata.google.internal/' } },
      'config.notifications.webhook.url',
      /metadata/,
    ],
    [{ webhook: [{ url: 'https://a:b@c.d' }] }, 'config.notifications.webhook.0.url', /user or a password/],
    [{ on_sla_miss: true }, 'config.notifications.sla_seconds', /is needed/],
    [{ sla_seconds: 0 }, 'config.notifications.sla_seconds', /./],
    [{ email: 'nobody' }, 'config.notifications.email', /./],
    [{ email: ['a@b.c', 'x y@b.c'] }, 'config.notifications.email.1', /./],
    [{ email: '{{ params.who }}@b.c' }, 'config.notifications.email', /templates are not/],
    [{ email: ['a@b.c\r\nBcc: {{ x }}'] }, 'config.notifications.email.0', /must be an email/],
    [{ webhook: { url: 'https://{{ x }}/' } }, 'config.notifications.webhook.url', /template/],
    [{ webhook: {} }, 'config.notifications.webhook.url', /required|missing/],
    [{ webhook: 'https://example.com' }, 'config.notifications.webhook', /./],
    [{ webhook: { url: 'https://a.b', token: 'x' } }, 'config.notifications.webhook.token', /./],
    [{ nonsense: 1 }, 'config.notifications.nonsense', /./],
    [null, 'config.notifications', /./],
  ])('may not be %j', async (settings, field, message) => {
    const faults = await faultsOf(settings);
    expect(Object.keys(faults)).toContain(field);
    expect(faults[field]).toMatch(message);
  });
});
