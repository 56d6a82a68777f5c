package fbat;

import java.util.Iterator;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Gives each subscriber of {@link Flow} a subscription of its own. */
final class Publisher implements Flow.Publisher<EventRecord> {
    private final Store store;
    private final Query query;
    private final WaitOptions options;
    private final Executor executor;

    Publisher(Store store, Query query, WaitOptions options, Executor executor) {
        this.store = store;
        this.query = query;
        this.options = options;
        this.executor = executor;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super EventRecord> subscriber) {
        Delivery delivery = new Delivery(subscriber);
        subscriber.onSubscribe(delivery);
        try {
            executor.execute(delivery);
        } catch (RejectedExecutionException e) {
            delivery.over(e);
        }
    }

    /** What one subscriber gets, from one thread. */
    private final class Delivery implements Flow.Subscription, Runnable {
        private final Flow.Subscriber<? super EventRecord> subscriber;
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private long wanted;
        private boolean isOver;
        private IllegalArgumentException wrong;
        private Subscription events;

        Delivery(Flow.Subscriber<? super EventRecord> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public void run() {
            Throwable failure = null;
            try (Subscription begun = store.follow(query, options)) {
                begin(begun);
                Iterator<EventRecord> each = begun.iterator();
                // The next one is read before it is wanted: an end needs no request.
                while (each.hasNext() && isWanted()) {
                    subscriber.onNext(each.next());
                }
            } catch (Throwable t) {
                failure = t;
            }
            over(failure);
        }

        private void begin(Subscription begun) {
            lock.lock();
            try {
                events = begun;
                if (isOver) {
                    begun.close();
                }
            } finally {
                lock.unlock();
            }
        }

        /** Waits until one more is wanted; false where none is any more. */
        private boolean isWanted() throws InterruptedException {
            lock.lock();
            try {
                while (wanted == 0 && !isOver) {
                    changed.await();
                }
                wanted--;
                return !isOver;
            } finally {
                lock.unlock();
            }
        }

        /** The last signal, unless the subscriber wants none. */
        private void over(Throwable failure) {
            Throwable found;
            boolean wasCancelled;
            lock.lock();
            try {
                found = wrong == null ? failure : wrong;
                wasCancelled = isOver && wrong == null;
                isOver = true;
            } finally {
                lock.unlock();
            }
            if (wasCancelled) {
                return;
            }
            if (found == null) {
                subscriber.onComplete();
            } else {
                subscriber.onError(found);
            }
        }

        @Override
        public void request(long count) {
            lock.lock();
            try {
                if (count > 0) {
                    wanted = count > Long.MAX_VALUE - wanted ? Long.MAX_VALUE : wanted + count;
                    changed.signal();
                } else if (!isOver) {
                    wrong = new IllegalArgumentException("a request for " + count + " events");
                    cancel();
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void cancel() {
            lock.lock();
            try {
                isOver = true;
                changed.signal();
                if (events != null) {
                    events.close();
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
