/**
 * Joins what is asked for while an answer is awaited: the first requests go out at once, those that arrive
 * meanwhile go out together with the next. So an idle process waits for nothing, and a busy one pays one round
 * trip for many requests (group commit).
 */
export class Batches<Request, Answer> {
  private waiting: {
    request: Request;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }[] = [];
  private busy = false;

  /** @param send answers many requests, in their order; what it throws reaches all of them. */
  constructor(
    private readonly send: (requests: Request[]) => Promise<Answer[]>,
    private readonly most = 200,
  ) {}

  /** Whether nothing is under way. */
  get idle(): boolean {
    return !this.busy;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      if (this.busy) return;
      this.busy = true;
      // What one answer sets free asks together: all of it goes with this trip, not only the first.
      setImmediate(() => void this.work());
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.most);
      try {
        const answers = await this.send(batch.map(({ request }) => request));
        batch.forEach(({ resolve }, i) => resolve(answers[i]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.busy = false;
  }
}
