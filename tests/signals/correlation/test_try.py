import pytest
from tests.signals.correlation import feed
from cases.models import *
@pytest.mark.django_db
def test_l():
    import time
    feed.prepare()
    a,s,e=feed.lantern()
    feed.post(a); feed.post(s)
    t=time.time(); r=feed.work(); print(r, time.time()-t)
    for k,v in feed.rings().items(): print(k,v)
    ring=set(e['ring'])|{e['ring_client']}
    print(sorted(ring))
    for c in Case.objects.select_related('account').order_by('id'): print(c.ref,c.account.ref,c.account.ref in ring,c.account.score,c.severity,c.queue,c.opened_because)
    o=feed.outcome(); 
    print(sorted([(v,k) for k,v in o['links'].items()],reverse=True)[:60]); print(len(o['links']))
