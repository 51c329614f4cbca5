// Hears what a relay tells libnice: looks at what waits at libnice's socket, and leaves it there.
#pragma once

#include "transport/relay_answers.h"

struct _GMainContext;
struct _GSource;

namespace sotto::transport::net {

class EarlyListener {
  public:
    // `socket` is another's, and outlives this.
    EarlyListener(int socket, _GMainContext* context);
    EarlyListener(const EarlyListener&) = delete;
    EarlyListener& operator=(const EarlyListener&) = delete;
    ~EarlyListener();

    // Up to the address that the relay gives: nothing after that is looked at.
    const RelayAnswers& answers() const { return answers_; }

  private:
    struct Source;
    void look();

    int socket_;
    _GSource* source_;
    RelayAnswers answers_;
};

}  // namespace sotto::transport::net
