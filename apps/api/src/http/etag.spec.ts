import { contentTag, expectedRevision, revisionTag } from './etag.js';

describe('entity tags', () => {
  it('come back as the revision they were made of', () => {
    expect(expectedRevision(revisionTag(7))).toBe(7);
    expect(expectedRevision(`W/${revisionTag(7)}`)).toBe(7);
  });

  it('ask for nothing when absent or a star', () => {
    expect(expectedRevision(undefined)).toBeUndefined();
    expect(expectedRevision('*')).toBeUndefined();
  });

  it.each(['"abc"', '7', '', '"-1"'])('fail when they can be no tag of ours: %j', (tag) => {
    expect(() => expectedRevision(tag)).toThrow('changed since');
  });

  it('differ when the content does', () => {
    expect(contentTag({ state: 'RUNNING' })).toBe(contentTag({ state: 'RUNNING' }));
    expect(contentTag({ state: 'RUNNING' })).not.toBe(contentTag({ state: 'SUCCESS' }));
  });
});
