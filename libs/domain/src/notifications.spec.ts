import { EMAIL_PATTERN, isWanted, lateAt, listOf, receiverOf, shownUrl, targetsOf } from './notifications.js';
import { notificationId } from './ids.js';

const at = new Date('2025-11-18T02:00:00Z');

describe('notification settings', () => {
  it.each([
    [{}, false, true, false],
    [{ on_success: true, on_failure: false }, true, false, false],
    [{ sla_seconds: 60 }, false, true, true],
    [{ sla_seconds: 60, on_sla_miss: false }, false, true, false],
  ])('%j ask for success %s, failure %s, being late %s', (settings, success, failure, late) => {
    expect(isWanted(settings, 'run.success')).toBe(success);
    expect(isWanted(settings, 'run.failure')).toBe(failure);
    expect(isWanted(settings, 'run.sla_miss')).toBe(late);
  });

  it('name one or several targets, or none', () => {
    expect(targetsOf({})).toEqual([]);
    expect(targetsOf({ email: 'a@b.c', webhook: { url: 'https://x.y' } })).toEqual([
      { channel: 'webhook', to: 'https://x.y' },
      { channel: 'email', to: 'a@b.c' },
    ]);
    expect(targetsOf({ email: ['a@b.c', 'd@b.c'], webhook: [] }).map(({ to }) => to)).toEqual([
      'a@b.c',
      'd@b.c',
    ]);
    expect([listOf(null), listOf(0), listOf([1, 2])]).toEqual([[], [0], [1, 2]]);
  });

  it('say when a run is late, if it has begun and anybody wants to know', () => {
    expect(lateAt({ sla_seconds: 90 }, at)).toEqual(new Date('2025-11-18T02:01:30Z'));
    expect(lateAt({ sla_seconds: 90 }, null)).toBeNull();
    expect(lateAt({ sla_seconds: 90, on_sla_miss: false }, at)).toBeNull();
    expect(lateAt({}, at)).toBeNull();
  });
});

describe('an email address', () => {
  it.each(['alerts@company.com', "o'neil+x@sub.example.co.uk", 'ops@localhost', 'a@b-c.d'])(
    'may be %s',
    (address) => expect(EMAIL_PATTERN.test(address)).toBe(true),
  );

  it.each([
    '',
    'nobody',
    '@b.c',
    'a@',
    'a@-b.c',
    'a@b..c',
    'a b@c.d',
    'a@b.c\nBcc: x@y.z',
    'a@b.c\r',
    'A <a@b.c>',
    'a@b.c,d@e.f',
    'a@b.c;d@e.f',
    `${'a'.repeat(65)}@b.c`,
    `a@${'b.'.repeat(130)}c`,
  ])('may not be %j', (address) => expect(EMAIL_PATTERN.test(address)).toBe(false));

  it('is judged at once, however long the text', () => {
    const begun = performance.now();
    for (const text of ['a'.repeat(1e6), `a@${'a-'.repeat(5e5)}`, `a@${'a.'.repeat(5e5)}`])
      EMAIL_PATTERN.test(text);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

describe('a webhook as it is shown', () => {
  it.each([
    ['https://a.b/c', 'https://a.b/c'],
    ['https://a.b:8443/c?token=x#y', 'https://a.b:8443/c?…'],
    ['https://user:pass@a.b/', 'https://a.b/'],
  ])('%s is %s', (url, shown) => expect(shownUrl(url)).toBe(shown));
});

describe('the receiver of a notification', () => {
  it('is the server of a webhook, or the mail server', () => {
    expect(receiverOf('webhook', 'https://a.b/c?d')).toBe('https://a.b');
    expect(receiverOf('webhook', 'http://a.b:81/')).toBe('http://a.b:81');
    expect(receiverOf('email', 'a@b.c')).toBe(receiverOf('email', 'd@e.f'));
  });
});

describe('the id of a notification', () => {
  const run = { _id: 'run_1', created_at: at };

  it('is the same for the same run, event and target only', () => {
    const id = notificationId(run, 'run.failure', 'email', 'a@b.c');
    expect(id).toMatch(/^ntf_[0-9A-Z]{30}$/);
    expect(notificationId(run, 'run.failure', 'email', 'a@b.c')).toBe(id);
    const others = [
      notificationId({ ...run, _id: 'run_2' }, 'run.failure', 'email', 'a@b.c'),
      notificationId(run, 'run.success', 'email', 'a@b.c'),
      notificationId(run, 'run.failure', 'webhook', 'a@b.c'),
      notificationId(run, 'run.failure', 'email', 'd@b.c'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });
});
