"""What links in messages open. Short: the address goes into a text message."""

from django.urls import path

from scheduling.views import answers

urlpatterns = [
    path("<slug:token>/", answers.answer, name="answer"),
    path("<slug:token>/new/", answers.renew, name="answer-renew"),
    path("<slug:token>/check/", answers.check, name="answer-check"),
    path("<slug:token>/<int:number>/", answers.question, name="answer-question"),
]
