// Whether the peer's feedback stays away longer than it does: a queue that fills holds up, or drops, what would tell
// of it.
#pragma once

#include "sotto/time.h"

namespace sotto::transport {

// The age of what feedback tells of last is a round trip and the time until the next report. When it exceeds what is
// usual and what it varies by, more is on its way than the path takes as far as anyone can know: a bound on what is in
// flight (RFC 8298 §4.1.2.1), in time instead of bytes. While reports come as often as ever the queue is not theirs,
// and what they tell of it is enough.
class FeedbackAge {
  public:
    void sent(Instant now);
    // Feedback came; `newest`: when the newest packet that it tells of was sent.
    void told(Instant newest, Instant now);

    // Something else says that it will be: there is no need to wait for as long as feedback may take at times.
    // `for_long`: and that it is no outage, even if none comes.
    void suspect(Instant now, bool for_long);

    // From when on the feedback is overdue, if none comes; `never` while nothing is expected or little is known.
    Instant overdue_from() const;
    // What is overdue for longer is another matter: an outage, or a way that became longer.
    Instant overdue_until() const;
    // The last feedback was as young as usual, and it still is.
    bool fresh(Instant now) const { return since_ == never || now - since_ <= age_.mean; }
    bool overdue(Instant now) const { return now >= overdue_from() && now < overdue_until(); }

  private:
    Instant since_ = never;  // the oldest packet of unknown fate was sent no earlier
    Instant last_sent_ = Instant::min();
    // What is usual, and by how much it varies.
    struct Usual {
        Duration mean{}, deviation{};
        void add(Duration value, int count);
        Duration most(Duration least_slack) const;
    };

    Instant last_told_ = Instant::min();
    Instant overdue_since_ = never;       // while reports that come are too old themselves, or are suspected to be
    Instant suspected_ = Instant::min();  // last
    Usual age_;                           // just before a report
    Usual gap_;                           // between reports
    int reports_ = 0;                     // that these are made of, as far as it matters
};

}  // namespace sotto::transport
