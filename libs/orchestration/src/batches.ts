/**
 * Joins what is asked for while an answer is awaited: the first requests go out at once, those that arrive
 * meanwhile go out together with the next. So an idle process waits for nothing, and a busy one pays one round
 * trip for many requests (group commit).
 */
export class Batches<Request, Answer> {
  private waiting: {
    request: Request;
    epoch: number;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }[] = [];
  private busy = false;

  /**
   * @param send answers many requests, in their order; what it throws reaches all of them.
   * @param epoch of the database, for writes that follow from something known: those that had to wait while it was
   *   interrupted are not sent any more, because what they follow from may have been undone.
   */
  constructor(
    private readonly send: (requests: Request[]) => Promise<Answer[]>,
    private readonly most = 200,
    private readonly epoch: () => number = () => 0,
  ) {}

  /** Whether nothing is under way. */
  get idle(): boolean {
    return !this.busy;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, epoch: this.epoch(), resolve, reject });
      if (this.busy) return;
      this.busy = true;
      // What one answer sets free asks together: all of it goes with this trip, not only the first.
      setImmediate(() => void this.work());
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      const now = this.epoch();
      const batch = this.waiting.splice(0, this.most).filter(({ epoch, reject }) => {
        if (epoch !== now) reject(new Error('the database was interrupted before this was written'));
        return epoch === now;
      });
      if (batch.length === 0) continue;
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
